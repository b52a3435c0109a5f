import { expect, test } from "vitest";
import { language, say } from "./language.ts";
import { ProgressBar, table, width } from "./output.ts";

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

test("a progress bar is drawn on a terminal, wiped before other lines, and silent elsewhere", () => {
  const written: string[] = [];
  const stream = (isTTY: boolean) =>
    ({ isTTY, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream;
  const silent = new ProgressBar("job", stream(false));
  silent.update(0.5);
  silent.done();
  expect(written).toEqual([]);
  const bar = new ProgressBar("job", stream(true));
  bar.update(0.5, "20/40");
  expect(written[0]).toContain(`job ${"█".repeat(12)}${"░".repeat(12)}  50 % 20/40`);
  bar.done();
  bar.done();
  expect(written.slice(1)).toEqual(["\r\x1b[K"]);
});
