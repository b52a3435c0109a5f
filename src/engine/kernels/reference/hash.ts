/** A 32-bit hash of three words: multiply-xorshift rounds (the finaliser of MurmurHash3 by A. Appleby) after each. */
export function hash3(a: number, b: number, c: number): number {
  return mix(mix(mix((a + 0x9e3779b9) >>> 0) ^ b) ^ c);
}

function mix(word: number): number {
  let h = word >>> 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
