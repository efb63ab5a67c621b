/* What the scenarios of the trop table share: numbers of a pool, each of which one client may have. */

import type { Client } from '../harness/client.ts';
import type { RecordedTransaction } from '../harness/recorded-store.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Role } from '../scenario.ts';
import { Refusal } from '../target.ts';
import { successes } from './catalog.ts';

const PORT = /^port-(\d+)$/;

export function portId(number: number): string {
  return `port-${number}`;
}

/** Takes the lowest number that is free, from `first` on, in a pool of 1 to `pool`. Throws a Refusal where there is none. */
export function takeLowest(tx: RecordedTransaction, pool: number, first = 1): number {
  for (let number = first; number <= pool; number++) {
    if (tx.get(portId(number)) !== undefined) continue;
    tx.append({ op: 'reserve', id: portId(number) });
    return number;
  }
  throw new Refusal('exhausted', `The pool is exhausted: all numbers from 1 to ${pool} are taken.`);
}

/** Reserves the lowest free number of the pool `pool`, in a transaction. */
export function reserve({ store, param }: Client): Promise<number> {
  return store.transaction((tx) => takeLowest(tx, param('pool')));
}

/** All clients reserve a number a step. */
export const RESERVER: Role = {
  name: 'reserver',
  clients: (all) => all,
  step: async (client) => {
    await reserve(client);
  },
};

/** All numbers that were reserved, ascending. */
function reservedIn(evidence: RunEvidence): number[] {
  return successes(evidence)
    .flatMap(({ entries }) => entries)
    .flatMap(({ op, id }) => (op === 'reserve' ? [Number(PORT.exec(id)?.[1])] : []))
    .sort((a, b) => a - b);
}

/** Faults where the reserved numbers are not those from 1 to `count`. */
export function* notFirst(evidence: RunEvidence, count: number): Iterable<string> {
  const numbers = reservedIn(evidence);
  if (numbers.length !== count) yield `${numbers.length} reservations succeeded, not ${count}`;
  for (const [i, number] of numbers.entries()) {
    if (number === numbers[i - 1]) yield `${number} was given twice`;
  }
  if (numbers.length > 0 && numbers.at(-1) !== new Set(numbers).size)
    yield `the highest number given is ${numbers.at(-1)}, though ${new Set(numbers).size} were`;
}
