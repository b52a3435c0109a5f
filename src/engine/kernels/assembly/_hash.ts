// A 32-bit hash of three words: multiply-xorshift rounds (the finaliser of MurmurHash3 by A. Appleby) after each word.

// @ts-ignore: decorator
@inline
function mix(h: u32): u32 {
  h ^= h >>> 16;
  h *= 0x85ebca6b;
  h ^= h >>> 13;
  h *= 0xc2b2ae35;
  return h ^ (h >>> 16);
}

// @ts-ignore: decorator
@inline
export function hash3(a: u32, b: u32, c: u32): u32 {
  return mix(mix(mix(a + 0x9e3779b9) ^ b) ^ c);
}
