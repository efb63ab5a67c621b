import { nameOf } from '../operations/evidence.ts';
import type { Write } from '../operations/write.ts';
import type { Check } from './check.ts';

/** Everything that was acknowledged is there, where it was acknowledged, and nothing is there twice, or in part. */
export const exactlyOnce: Check = {
  name: 'every acknowledged append is there exactly once',
  *examine({ writes, oldest }) {
    for (const write of writes) {
      const { operation, more } = write;
      if (operation.outcome === 'acknowledged') {
        if (!isWhereTold(write)) yield* missing(write, oldest);
      } else if (operation.outcome === 'unknown') yield* partly(write, oldest);
      for (const seq of more) yield `${nameOf(operation)} is there once more, as entry ${seq}`;
    }
  },
};

/** Whether all of it is where it was acknowledged, as nearly always: asking costs less than a generator. */
function isWhereTold(write: Write): boolean {
  const { seq = 0, entries } = write.operation;
  for (let i = 0; i < entries.length; i++) if (write.foundAt(i) !== seq + i) return false;
  return seq !== 0;
}

function* missing(write: Write, oldest: number): Iterable<string> {
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
        yield `${which}${nameOf(operation)} was acknowledged${told === undefined ? '' : ` as entry ${told}`}, and is not there`;
    } else if (told !== undefined) {
      yield `${which}${nameOf(operation)} was acknowledged as entry ${told}, and is entry ${place}`;
    }
  }
}

/** Nobody knows whether it is there, but of a batch there is all or nothing. */
function* partly(write: Write, oldest: number): Iterable<string> {
  let there = 0;
  for (let i = 0; i < write.size; i++) if (write.foundAt(i) !== 0) there++;
  if (there > 0 && there < write.size && oldest <= 1)
    yield `${nameOf(write.operation)} is there in part: ${there} of ${write.size} entries`;
}
