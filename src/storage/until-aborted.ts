/**
 * The items of `source` until `signal` aborts, then the signal's reason as an error - also while the source is silent.
 * The source is told to end in either case, but not waited for.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  // One listener for all items: a race per item would pile up reactions on the signal.
  let interrupt: (reason: unknown) => void = () => {};
  const onAbort = () => interrupt(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const { done, value } = await new Promise<IteratorResult<T, unknown>>((resolve, reject) => {
        interrupt = reject;
        iterator.next().then(resolve, reject);
        if (signal.aborted) onAbort();
      });
      if (done === true) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // What the source says about being told to end is of no use to anyone: its items were already refused.
    iterator.return?.()?.catch(() => {});
  }
}
