/**
 * A Float32Array that grows while its final length is unknown.
 *
 * The caller reserves room once per block and then writes without checks. Growth follows the share of the input that
 * has been read, so that a big file is copied only a few times and hardly anything is left over.
 */
export class GrowingFloats {
  values = new Float32Array(0);
  length = 0;

  /**
   * @param more values that may be appended before the next call
   * @param progress share of the input that has been read, > 0 and <= 1
   */
  reserve(more: number, progress: number): void {
    const needed = this.length + more;
    if (needed <= this.values.length) return;
    const expected = Math.ceil((this.length / progress) * 1.02);
    const grown = new Float32Array(Math.max(needed, Math.min(expected, needed * 4), this.values.length * 1.25));
    grown.set(this.values.subarray(0, this.length));
    this.values = grown;
  }

  /** The values without the reserve. */
  finish(): Float32Array {
    return this.values.subarray(0, this.length);
  }
}
