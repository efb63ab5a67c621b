import { nameOf } from '../operations/evidence.ts';
import type { Write } from '../operations/write.ts';
import { type Check, type Fault, telling } from './check.ts';

/** Everything that was acknowledged is there, where it was acknowledged, and nothing is there twice, or in part. */
export const exactlyOnce: Check = {
  name: 'every acknowledged append is there exactly once',
  examine: telling(({ writes, oldest }, fault) => {
    for (const write of writes) {
      const { operation, more } = write;
      if (operation.outcome === 'acknowledged') missing(write, oldest, fault);
      else if (operation.outcome === 'unknown') partly(write, oldest, fault);
      for (const seq of more) fault(`${nameOf(operation)} is there once more, as entry ${seq}`);
    }
  }),
};

function missing(write: Write, oldest: number, fault: Fault): void {
  const { operation } = write;
  const { seq, entries } = operation;
  for (let i = 0; i < entries.length; i++) {
    const told = seq === undefined ? undefined : seq + i;
    const place = write.foundAt(i);
    if (place === told) continue;
    const which = entries.length === 1 ? '' : `entry ${i + 1} of `;
    if (place === 0) {
      // What was compacted away cannot be read; its numbers and the state tell of it.
      const compacted = told === undefined ? oldest > 1 : told < oldest;
      if (!compacted)
        fault(
          `${which}${nameOf(operation)} was acknowledged${told === undefined ? '' : ` as entry ${told}`}, and is not there`,
        );
    } else if (told !== undefined) {
      fault(`${which}${nameOf(operation)} was acknowledged as entry ${told}, and is entry ${place}`);
    }
  }
}

/** Nobody knows whether it is there, but of a batch there is all or nothing. */
function partly(write: Write, oldest: number, fault: Fault): void {
  let there = 0;
  for (let i = 0; i < write.size; i++) if (write.foundAt(i) !== 0) there++;
  if (there > 0 && there < write.size && oldest <= 1)
    fault(`${nameOf(write.operation)} is there in part: ${there} of ${write.size} entries`);
}
