/** By each signal made here, those it is made of. */
const held = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * Aborts when one of the signals does, and holds them until then: AbortSignal.any alone does not in Node 20, so that one which
 * nobody else holds, such as AbortSignal.timeout's, is collected, and never aborts.
 */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals]);
  held.set(any, signals);
  return any;
}
