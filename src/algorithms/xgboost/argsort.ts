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
  const n = values.length;
  // Keys travel with their rows, so that every pass reads both arrays in order.
  let keys = descendingKeys(values);
  let rows = new Uint32Array(n);
  for (let row = 0; row < n; row += 1) rows[row] = row;
  let [sortedKeys, sortedRows] = [new Uint32Array(n), new Uint32Array(n)];
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049);
    for (let at = 0; at < n; at += 1) starts[((keys[at] >>> shift) & 2047) + 1] += 1;
    for (let bucket = 0; bucket < 2048; bucket += 1) starts[bucket + 1] += starts[bucket];
    for (let at = 0; at < n; at += 1) {
      const bucket = (keys[at] >>> shift) & 2047;
      const place = starts[bucket];
      starts[bucket] = place + 1;
      sortedKeys[place] = keys[at];
      sortedRows[place] = rows[at];
    }
    [keys, sortedKeys] = [sortedKeys, keys];
    [rows, sortedRows] = [sortedRows, rows];
  }
  return rows;
}

/**
 * Unsigned integers that ascend where the floats descend. IEEE 754 bits already sort like sign-and-magnitude numbers:
 * positive values need all magnitude bits flipped, negative ones none. Adding 0 turns -0 into 0, so that both tie.
 */
function descendingKeys(values: Float32Array): Uint32Array<ArrayBuffer> {
  const floats = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += 1) floats[row] = values[row] + 0;
  const keys = new Uint32Array(floats.buffer);
  for (let row = 0; row < keys.length; row += 1) {
    if (keys[row] < 0x8000_0000) keys[row] = ~keys[row] & 0x7fff_ffff;
  }
  return keys;
}
