import { createContext, runInContext } from "node:vm";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readDescriptions } from "./codegen/generate.ts";
import { compileJavaPattern, linearEquivalents } from "./java-pattern.ts";

const descriptions = readDescriptions(fileURLToPath(new URL("./service-models", import.meta.url)));

/** Every pattern of every description, with the greatest length that a value of it may have. */
const patterns = new Map<string, number>();
for (const model of descriptions.values()) {
  for (const { pattern, max } of Object.values(model.shapes)) {
    if (pattern !== undefined) patterns.set(pattern, Math.max(patterns.get(pattern) ?? 0, max ?? 100_000));
  }
}

test.each([
  // The whole value must match, as with Java's matches().
  ["[a-z]+", "abc", "abc!"],
  ["a|b", "b", "ab"],
  ["^[a-z]+$", "abc", "abc\n"],
  ["\\A\\S[\\p{Print}]*\\z", "a b", " ab"],
  ["\\p{ASCII}*", "abc", "ä"],
  ["arn:[\\p{Alnum}\\-]+", "arn:aws-cn", "arn:aws_cn"],
  ["[\\w-.]+", "a-b.c", "a b"],
  ["[\\w\\-_@#:]+", "a@b", "a b"],
  ['a\\@\\:\\"b', 'a@:"b', "a@b"],
  ["([a-z]*)${1,128}", "abc", "ABC"],
  ["a{2}{", "aa{", "aa"],
  ["]", "]", "["],
  ["[a-z[0-9]]+", "a1", "A"],
  ["[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*", "text 😹\n", "\u0000"],
  ["(?!aws:)[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", "키 1", "aws:tag"],
])("the Java pattern %s matches %j and not %j", (pattern, matching, failing) => {
  const expression = compileJavaPattern(pattern);
  expect([expression.test(matching), expression.test(failing)]).toEqual([true, false]);
});

test.each([["[a-z&&[^b]]"], ["\\Qa.b\\E"], ["[a[^b]]"], ["a\\"], ["[a"]])(
  "what has no counterpart in JavaScript is refused: %s",
  (pattern) => {
    expect(() => compileJavaPattern(pattern)).toThrow(SyntaxError);
  },
);

test("every pattern of the descriptions compiles", () => {
  expect(patterns.size).toBeGreaterThan(600);
  for (const pattern of patterns.keys()) expect(() => compileJavaPattern(pattern)).not.toThrow();
});

test("no pattern takes exponential time on values as long as its shape allows", () => {
  // Runs of one or two characters that patterns like, and an end that most of them refuse: what makes an engine try all ways back.
  const characters = ["a", "0", "-", ".", "/", " ", "_", ":", "*"];
  const pumps = characters.flatMap((one) => [one, ...characters.map((other) => one + other)]);
  const prefixes = ["", "a", "https://", "arn:aws:sagemaker:us-east-1:123456789012:x/"];
  const attacks = prefixes.flatMap((prefix) => pumps.map((pump) => prefix + pump.repeat(100)));
  const hanging: string[] = [];
  for (const [pattern, max] of patterns) {
    const context = createContext({ source: compileJavaPattern(pattern).source, attacks, max });
    const code =
      "const e = new RegExp(source, 'u'); for (const a of attacks) e.test(a.slice(0, Math.max(max - 1, 0)) + '\\u2028');";
    try {
      // All of them together take a millisecond; a pattern that backtracks exponentially takes longer than anyone waits.
      runInContext(code, context, { timeout: 20_000 });
    } catch {
      hanging.push(pattern);
    }
  }
  expect(hanging).toEqual([]);
});

test("every replaced pattern is one of the descriptions', and what replaces it matches the same values", () => {
  // All words of up to five letters over what these patterns tell apart.
  const alphabet = ["a", "*", "-", "/", "\t", " ", "\n", "\u2028", ":"];
  const words = [""];
  for (let start = 0, length = 1; length <= 5; length += 1) {
    const end = words.length;
    for (; start < end; start += 1) for (const letter of alphabet) words.push(words[start] + letter);
  }
  for (const pattern of Object.keys(linearEquivalents)) {
    expect(patterns.has(pattern), pattern).toBe(true);
    const original = new RegExp(`^(?:${pattern.replace("https://", "https:\\/\\/")})$`, "u");
    const replaced = compileJavaPattern(pattern);
    const prefix = pattern.startsWith("https://") ? "https://" : "";
    const different = words.map((word) => prefix + word).filter((word) => original.test(word) !== replaced.test(word));
    expect(different, pattern).toEqual([]);
  }
});
