/**
 * Names in the order of their UTF-8 bytes, which is the order of their code points.
 * JavaScript's own string order differs above U+FFFF, where it compares surrogates.
 */

/** Negative when `a` comes before `b`, 0 when they are equal, positive when it comes after. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    if (a.charCodeAt(at) === b.charCodeAt(at)) continue;
    // The units before `at` are equal, so either both are inside a surrogate pair here or none is.
    const start = at > 0 && isHighSurrogate(a.charCodeAt(at - 1)) ? at - 1 : at;
    return a.codePointAt(start)! - b.codePointAt(start)!;
  }
  return a.length - b.length;
}

/** The least string above every string that starts with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // U+D800..U+DFFF are no characters; the next one after U+D7FF is U+E000.
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return String.fromCodePoint(...points, next);
  }
  return undefined;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
