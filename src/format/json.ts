/**
 * JSON.stringify as it was when this module was loaded. A test may replace it, even by one that returns nothing; no
 * reader would accept a line written with that.
 */
export const { stringify } = JSON;

/** Runs `call`, which uses `JSON.stringify`, with the one that was there at load, even if a test has replaced it. */
export function withOwnStringify<T>(call: () => T): T {
  const current = JSON.stringify;
  if (current === stringify) return call();
  Reflect.set(JSON, 'stringify', stringify);
  try {
    return call();
  } finally {
    Reflect.set(JSON, 'stringify', current);
  }
}
