/** The value of `key`, made by `compile` the first time it is asked for. */
export function compileOnce<Key, Value>(cache: Map<Key, Value>, key: Key, compile: () => Value): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const value = compile();
  cache.set(key, value);
  return value;
}
