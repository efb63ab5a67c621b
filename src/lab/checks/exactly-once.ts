import type { Operation } from '../operations/operation.ts';
import { nameOf, type RunEvidence } from '../operations/run-evidence.ts';
import { type Check, type Fault, telling } from './check.ts';

/** Everything that was acknowledged is there, where it was acknowledged, and nothing is there twice, or in part. */
export const exactlyOnce: Check = {
  name: 'every acknowledged append is there exactly once',
  examine: telling((evidence, fault) => {
    const { writes } = evidence;
    for (let write = 0; write < writes.count; write++) {
      const outcome = writes.outcomes[write];
      if (outcome === 'acknowledged') missing(write, evidence, fault);
      // Whose number was told is looked for there, entry by entry.
      if (outcome !== 'refused' && writes.seqs[write] === undefined) partly(write, evidence, fault);
      for (const seq of writes.moreOf(write))
        fault(`${nameOf(writes.operations[write] as Operation)} is there once more, as entry ${seq}`);
    }
  }),
};

function missing(write: number, { writes, oldest }: RunEvidence, fault: Fault): void {
  const seq = writes.seqs[write];
  const size = writes.toldOf(write);
  for (let i = 0; i < size; i++) {
    const told = seq === undefined ? undefined : seq + i;
    const place = writes.foundAt(write, i);
    if (place === told) continue;
    const name = () =>
      `${size === 1 ? '' : `entry ${i + 1} of `}${nameOf(writes.operations[write] as Operation)}`;
    if (place === 0) {
      // What was compacted away cannot be read; its numbers and the state tell of it.
      const compacted = told === undefined ? oldest > 1 : told < oldest;
      if (!compacted)
        fault(`${name()} was acknowledged${told === undefined ? '' : ` as entry ${told}`}, and is not there`);
    } else if (told !== undefined)
      fault(`${name()} was acknowledged as entry ${told}, and is entry ${place}`);
  }
}

/** Of a batch there is all or nothing, and nothing of others between: of what can still be read. */
function partly(write: number, { writes, oldest }: RunEvidence, fault: Fault): void {
  const size = writes.sizeOf(write);
  let there = 0;
  let inPlace = 0;
  /** Where its first entry is, as the first one that was found shows. */
  let first: number | undefined;
  for (let i = 0; i < size; i++) {
    const place = writes.foundAt(write, i);
    if (place === 0) continue;
    first ??= place - i;
    there++;
    if (place === first + i) inPlace++;
  }
  if (first === undefined) return;
  const name = () => nameOf(writes.operations[write] as Operation);
  const compacted = oldest > 1 ? Math.min(size, Math.max(0, oldest - first)) : 0;
  if (there < size - compacted) fault(`${name()} is there in part: ${there} of ${size} entries`);
  else if (inPlace < there) fault(`the entries of ${name()} do not follow one another`);
}
