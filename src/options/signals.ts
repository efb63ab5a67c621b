/** For each signal made here, the signals that it was made of. */
const held = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * Aborts when one of the signals does, and keeps them alive until then. AbortSignal.any alone does not do so
 * in Node 20: a signal that nothing else references, such as one of AbortSignal.timeout, is garbage-collected
 * and never aborts.
 */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals]);
  held.set(any, signals);
  return any;
}
