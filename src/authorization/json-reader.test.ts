import { expect, test } from "vitest";
import { type JsonNode, JsonSyntaxError, LineMap, readJson } from "./json-reader.ts";

/** What JSON.parse would have made of it. */
function plain(node: JsonNode): unknown {
  switch (node.type) {
    case "object":
      return Object.fromEntries(node.members.map(({ name, value }) => [name, plain(value)]));
    case "array":
      return node.items.map(plain);
    case "string":
      return node.value;
    default:
      return JSON.parse(node.value);
  }
}

function refusal(text: string): JsonSyntaxError {
  try {
    readJson(text, 5);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
  throw new Error(`${text} was read`);
}

test.each([
  '{"a":[1,-2.5e+3,true,false,null,"\\u00e9\\n\\"\\\\ \u{1f600}"],"b":{},"c":[]}',
  ' \t\r\n [ { "x" : 0 } , [ ] ] \n',
  '""',
  "-0",
  '{"__proto__":"x","":1}',
])("reads %j as JSON.parse does", (text) => {
  expect(JSON.stringify(plain(readJson(text, 10)))).toBe(JSON.stringify(JSON.parse(text)));
});

test("values know where they begin and end", () => {
  const text = '{ "a": [1, {"b": "x"} ] }';
  const root = readJson(text, 5);
  if (root.type !== "object") throw new Error("no object");
  const list = root.members[0].value;
  if (list.type !== "array") throw new Error("no list");
  expect(text.slice(root.start, root.end)).toBe(text);
  expect(text.slice(list.start, list.end)).toBe('[1, {"b": "x"} ]');
  expect(list.items.map(({ start, end }) => text.slice(start, end))).toEqual(["1", '{"b": "x"}']);
});

test.each([
  ["", 0, "expected a value, got the end of the text"],
  ["{", 1, "expected a name in quotes, got the end of the text"],
  ['{"a" 1}', 5, 'expected ":", got "1"'],
  ['{"a":1,}', 7, 'expected a name in quotes, got "}"'],
  ["[1,]", 3, 'expected a value, got "]"'],
  ["[1 2]", 3, 'expected "," or "]", got "2"'],
  ['{"a":1]', 6, 'expected "," or "}", got "]"'],
  ["01", 1, 'expected the end of the text, got "1"'],
  ["{} {}", 3, 'expected the end of the text, got "{"'],
  ["[nil]", 1, 'expected a value, got "n"'],
  ["['a']", 1, `expected a value, got "'"`],
  ['["a\nb"]', 1, "a text that is not closed or has a bad escape"],
  ['["\\x"]', 1, "a text that is not closed or has a bad escape"],
  ['["a', 1, "a text that is not closed or has a bad escape"],
  ["\u{1f600}", 0, 'expected a value, got "\u{1f600}"'],
])("refuses %j at %i", (text, offset, message) => {
  expect(() => JSON.parse(text)).toThrow(SyntaxError);
  expect(refusal(text)).toMatchObject({ offset, message, isJson: false });
});

test("refuses a member that is there twice, and nesting beyond the limit, although they are JSON", () => {
  expect(refusal('{"a":1,"b":2,"a":3}')).toMatchObject({
    offset: 13,
    isJson: true,
    message: "the member a is there twice",
  });
  expect(refusal('{"a":{"a":[[[[1]]]]}}')).toMatchObject({ offset: 13, isJson: true, message: "nested deeper than 5" });
  expect(refusal("[".repeat(100_000))).toMatchObject({ offset: 5, isJson: true });
});

test("a long text is read without going back", () => {
  const text = JSON.stringify({ a: `${"x\\".repeat(50_000)}`, b: "y".repeat(100_000) });
  expect(plain(readJson(text, 2))).toEqual(JSON.parse(text));
});

test("places are counted from one, in lines and columns", () => {
  const lines = new LineMap("ab\n\ncd\r\ne");
  expect([0, 1, 2, 3, 4, 5, 8, 9].map((offset) => lines.positionOf(offset))).toEqual([
    { line: 1, column: 1 },
    { line: 1, column: 2 },
    { line: 1, column: 3 },
    { line: 2, column: 1 },
    { line: 3, column: 1 },
    { line: 3, column: 2 },
    { line: 4, column: 1 },
    { line: 4, column: 2 },
  ]);
  expect(new LineMap("").positionOf(0)).toEqual({ line: 1, column: 1 });
});
