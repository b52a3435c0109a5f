import { expect, test } from "vitest";
import { language, say } from "./language.ts";
import { table, width } from "./output.ts";

test("columns line up, Hangul counting two", () => {
  expect(width("학습 작업")).toBe(9);
  expect(
    table([
      ["학습", "a"],
      ["x", "bb"],
    ]),
  ).toBe("학습  a\nx     bb");
});

test("the language is the terminal's, unless SAGEBRUSH_LANG says otherwise", () => {
  expect(language({ LANG: "ko_KR.UTF-8" })).toBe("ko");
  expect(language({ LANG: "de_DE.UTF-8" })).toBe("en");
  expect(language({ LANG: "ko_KR.UTF-8", SAGEBRUSH_LANG: "en" })).toBe("en");
  expect(language({})).toBe("en");
});

test("facts are filled in, and what is not known stays visible", () => {
  expect(say({ en: "{a} and {b}", ko: "{a} 와 {b}" }, { a: 1 })).toMatch(/^1 .*\{b\}$/);
});
