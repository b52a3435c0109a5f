import { expect, test } from "vitest";
import { addTokens, type Characters, compileWildcard, matchesTokens } from "./wildcard.ts";

/** The plain twin: which beginnings of the text each beginning of the pattern describes. */
function reference(pattern: string, text: string): boolean {
  let reachable = Array.from({ length: text.length + 1 }, (_, at) => at === 0);
  for (const character of pattern) {
    if (character === "*") {
      const first = reachable.indexOf(true);
      reachable = reachable.map((_, at) => first !== -1 && at >= first);
    } else {
      reachable = reachable.map(
        (_, at) => at > 0 && reachable[at - 1] && (character === "?" || character === text[at - 1]),
      );
    }
  }
  return reachable[text.length];
}

/** A small generator, so that a failure comes again. Source: S. Vigna, "xorshift"; the constants are Marsaglia's. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

test("agrees with the plain matcher on patterns and texts of every make", () => {
  const next = random(20_260_101);
  const word = (alphabet: string, longest: number) =>
    Array.from({ length: next(longest + 1) }, () => alphabet[next(alphabet.length)]).join("");
  let matches = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const pattern = word("aab**?", 9);
    const text = word("aab", 10);
    const expected = reference(pattern, text);
    expect([pattern, text, compileWildcard(pattern)(text)]).toEqual([pattern, text, expected]);
    expect(matchesTokens(addTokens([], pattern, true), text)).toBe(expected);
    if (expected) matches += 1;
  }
  // Both answers are common, so that both were tried.
  expect(matches).toBeGreaterThan(2000);
  expect(matches).toBeLessThan(18_000);
});

test.each([
  ["", "", true],
  ["", "a", false],
  ["*", "", true],
  ["?", "", false],
  ["**?", "a", true],
  ["s3:Get*", "s3:Get", true],
  ["s3:Get*", "s3:PutObject", false],
  ["*Object", "s3:GetObject", true],
  ["*Object", "s3:GetObjectAcl", false],
  ["a.c", "abc", false],
  ["[a]*", "[a]b", true],
  ["line*", "line\nbreak", true],
  ["*/test/*", "1///test///object.jpg", true],
])("%j describes %j: %s", (pattern, text, expected) => {
  expect(compileWildcard(pattern)(text)).toBe(expected);
});

test("a text put in as text has no wildcards", () => {
  const tokens = addTokens(addTokens([], "a/", true), "*?", false);
  expect(matchesTokens(tokens, "a/*?")).toBe(true);
  expect(matchesTokens(tokens, "a/bc")).toBe(false);
});

test.each([
  ["many stars", `${"*a".repeat(500)}*b`, "a".repeat(1000)],
  ["a long tail that almost matches", `*${"a".repeat(500)}b`, "a".repeat(1000)],
  ["stars and questions", `${"*?".repeat(300)}b`, "a".repeat(1000)],
  ["a tail after each star", `${"*aab".repeat(250)}`, "aab".repeat(249) + "aaaa".repeat(60)],
])("the work is bounded by both lengths: %s", (_, pattern, text) => {
  let reads = 0;
  const counting: Characters = {
    length: text.length,
    charCodeAt(at) {
      reads += 1;
      return text.charCodeAt(at);
    },
  };
  expect(matchesTokens(addTokens([], pattern, true), counting)).toBe(false);
  expect(reads).toBeLessThanOrEqual(2 * pattern.length * text.length);
});

test("patterns with a star before every character take linear work", () => {
  const text = "a".repeat(10_000);
  let reads = 0;
  const counting: Characters = {
    length: text.length,
    charCodeAt(at) {
      reads += 1;
      return text.charCodeAt(at);
    },
  };
  expect(matchesTokens(addTokens([], `${"*a".repeat(5000)}*b`, true), counting)).toBe(false);
  expect(reads).toBeLessThan(4 * text.length);
});
