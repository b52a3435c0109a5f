/**
 * Reads decimal numbers straight from bytes, without making a string of each: most of the time of reading a text file
 * is spent here.
 */

/** Powers of ten that a double holds exactly. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** A double and its two halves, to look at the bits below float32's precision. */
const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

export class DecimalScanner {
  /** Must end with a byte that no number contains, e.g. a line feed. */
  bytes: Uint8Array;
  /** Where the next number starts. */
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /**
   * The number that starts at `at`, which moves behind its last character.
   *
   * Equals `Math.fround(Number(text))` for every decimal `[+-]digits[.digits][e[+-]digits]`. Where no such number
   * starts, or it is a hard case (very long or very large), `at` stays where it is and the answer is NaN; the caller
   * then takes the field as text.
   */
  decimal(): number {
    const bytes = this.bytes;
    let at = this.at;
    const sign = bytes[at];
    if (sign === 45 || sign === 43) at += 1;
    let mantissa = 0;
    let digit = bytes[at] - 48;
    const start = at;
    while (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      at += 1;
      digit = bytes[at] - 48;
    }
    let digits = at - start;
    let exponent = 0;
    // 46 - 48: the byte is a point.
    if (digit === -2) {
      at += 1;
      const fraction = at;
      digit = bytes[at] - 48;
      while (digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        at += 1;
        digit = bytes[at] - 48;
      }
      exponent = fraction - at;
      digits -= exponent;
    }
    if (digits === 0) return NaN;
    // 69 - 48 and 101 - 48: an exponent follows.
    if (digit === 21 || digit === 53) {
      at += 1;
      const exponentSign = bytes[at];
      if (exponentSign === 45 || exponentSign === 43) at += 1;
      const exponentStart = at;
      let written = 0;
      digit = bytes[at] - 48;
      while (digit >= 0 && digit <= 9) {
        written = written * 10 + digit;
        at += 1;
        digit = bytes[at] - 48;
      }
      if (at === exponentStart || at - exponentStart > 3) return NaN;
      exponent += exponentSign === 45 ? -written : written;
    }
    if (exponent < -22 || exponent > 22) return NaN;
    const value = exponent < 0 ? mantissa / powersOfTen[-exponent] : mantissa * powersOfTen[exponent];
    // Up to 15 digits the mantissa is exact and one correctly rounded operation gives the nearest double. Beyond,
    // it is off by a few units in the last place, which matters only next to the middle between two float32 values.
    if (digits > 15 && (digits > 40 || isNearHalfway(value))) return NaN;
    this.at = at;
    return Math.fround(sign === 45 ? -value : value);
  }
}

/** Whether the 29 bits that float32 drops are within 2^10 units of the middle, or the value is no normal float32. */
function isNearHalfway(value: number): boolean {
  if (!(value > 1e-37 && value < 1e38)) return value !== 0;
  double[0] = value;
  const dropped = halves[0] & 0x1fff_ffff;
  return Math.abs(dropped - 0x1000_0000) < 1024;
}

/**
 * The number in a field as people write them: spaces and quotes around it, nothing or `nan` for a missing value.
 *
 * @returns NaN for a missing value; undefined when the text is no finite float32
 */
export function numberOfText(text: string): number | undefined {
  const content = unquoted(text.trim());
  if (content === "" || /^[+-]?nan$/i.test(content)) return NaN;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(content)) return undefined;
  const value = Math.fround(Number(content));
  return Number.isFinite(value) ? value : undefined;
}

function unquoted(text: string): string {
  const quote = text[0];
  if (text.length < 2 || (quote !== '"' && quote !== "'") || !text.endsWith(quote)) return text;
  return text.slice(1, -1).trim();
}
