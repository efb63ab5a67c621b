import { type Operation, tagOf } from '../operations/operation.ts';

/** Operations that were not acknowledged for the same reason. */
export interface Setback {
  readonly outcome: Operation['outcome'];
  readonly reason: string;
  readonly count: number;
  readonly example: Operation;
}

/** Why operations were refused, or are unknown: the most frequent reason first. */
export function setbacksOf(operations: readonly Operation[]): Setback[] {
  const setbacks = new Map<string, { -readonly [Name in keyof Setback]: Setback[Name] }>();
  for (const example of operations) {
    const { outcome, reason = 'no reason told' } = example;
    if (outcome === 'acknowledged') continue;
    const name = `${outcome} ${reason}`;
    const known = setbacks.get(name);
    if (known === undefined) setbacks.set(name, { outcome, reason, count: 1, example });
    else known.count++;
  }
  return [...setbacks.values()].sort((a, b) => b.count - a.count);
}

/** Those that took longest, the longest first. */
export function slowestOf(operations: readonly Operation[], most: number): Operation[] {
  const took = ({ start, end }: Operation) => end - start;
  const slowest: Operation[] = [];
  for (const operation of operations) {
    if (slowest.length === most && took(operation) <= took(slowest.at(-1) as Operation)) continue;
    const place = slowest.findIndex((other) => took(other) < took(operation));
    slowest.splice(place === -1 ? slowest.length : place, 0, operation);
    slowest.length = Math.min(slowest.length, most);
  }
  return slowest;
}

/** The operation in words: `append 3.0.17 of bd-1, bd-2`. */
export function operationText(operation: Operation): string {
  const ids = operation.entries.slice(0, 3).map(({ id }) => id);
  const more = operation.entries.length > 3 ? ', …' : '';
  const of = ids.length === 0 ? '' : ` of ${ids.join(', ')}${more}`;
  return `${operation.kind} ${tagOf(operation)}${of}`;
}
