/**
 * The order of rows from the highest value to the lowest; ties keep their order.
 *
 * A radix sort in three passes of 11 bits: ranking metrics sort every row in every round, where a comparison sort
 * would take longer than growing the tree.
 *
 * @param values IN shape (n), no NaN
 * @returns shape (n), row numbers
 */
export function argsortDescending(values: Float32Array): Uint32Array {
  const keys = descendingKeys(values);
  let order = Uint32Array.from(keys, (_, row) => row);
  let sorted = new Uint32Array(order.length);
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049);
    for (let row = 0; row < keys.length; row += 1) starts[((keys[row] >>> shift) & 2047) + 1] += 1;
    for (let bucket = 0; bucket < 2048; bucket += 1) starts[bucket + 1] += starts[bucket];
    for (let at = 0; at < order.length; at += 1) {
      const row = order[at];
      const bucket = (keys[row] >>> shift) & 2047;
      sorted[starts[bucket]] = row;
      starts[bucket] += 1;
    }
    [order, sorted] = [sorted, order];
  }
  return order;
}

/**
 * Unsigned integers that ascend where the floats descend. IEEE 754 bits already sort like sign-and-magnitude numbers:
 * positive values need all magnitude bits flipped, negative ones none. Adding 0 turns -0 into 0, so that both tie.
 */
function descendingKeys(values: Float32Array): Uint32Array {
  const keys = new Uint32Array(Float32Array.from(values, (value) => value + 0).buffer);
  for (let row = 0; row < keys.length; row += 1) {
    if (keys[row] < 0x8000_0000) keys[row] = ~keys[row] & 0x7fff_ffff;
  }
  return keys;
}
