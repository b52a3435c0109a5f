/**
 * Small bodies lie in their object's record and not in files of their own: one durable commit instead of three, and a
 * read without opening anything. They are small enough that a list, which reads a thousand records, does not mind.
 */

/** Bodies up to this many bytes are kept so, sealed or not. */
export const defaultFewBytes = 2048;

/** The beginning of a stream: all of it, or the whole stream again where it is longer than `most` bytes. */
export async function gather(
  source: AsyncIterable<Uint8Array>,
  most: number,
): Promise<{ readonly all: Uint8Array } | { readonly longer: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const begun: Uint8Array[] = [];
  let size = 0;
  while (size <= most) {
    const { done, value } = await iterator.next();
    if (done === true) return { all: begun.length === 1 ? begun[0] : Buffer.concat(begun) };
    begun.push(value);
    size += value.length;
  }
  return { longer: continued(begun, iterator) };
}

async function* continued(
  begun: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* begun;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    // Not waited for: a source that is silent would never answer.
    void iterator.return?.();
  }
}
