/**
 * JSON.stringify as it was at load. A test may put another in its place, or one that answers with nothing: what that wrote into a
 * line, no reader would accept.
 */
export const { stringify } = JSON;

/** Calls what asks `JSON.stringify` by itself, and lets it have the one that was there at load, whatever a test has put in its place. */
export function withOwnStringify<T>(call: () => T): T {
  const told = JSON.stringify;
  if (told === stringify) return call();
  Reflect.set(JSON, 'stringify', stringify);
  try {
    return call();
  } finally {
    Reflect.set(JSON, 'stringify', told);
  }
}
