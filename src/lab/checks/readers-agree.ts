import { Lives } from '../operations/lives.ts';
import {
  type Operation,
  type RangeSight,
  type Sight,
  type StateSight,
  tagOf,
} from '../operations/operation.ts';
import { nameOf, type RunEvidence } from '../operations/run-evidence.ts';
import { placeSum } from '../operations/sum.ts';
import { type Check, type Fault, telling } from './check.ts';

/** Whatever anybody read at any time is what is there in the end. Of what was compacted away since, what was acknowledged can be compared. */
export const readersAgree: Check = {
  name: 'every reader saw the same',
  examine: telling((evidence, fault) => {
    const sums = prefixSums(evidence);
    const lives = new Lives(evidence, lookedAt(evidence));
    for (const operation of evidence.reads) {
      const saw = operation.saw as Sight;
      if ('from' in saw) range(operation, saw, evidence, sums, fault);
      else state(operation, saw, evidence, lives, fault);
    }
  }),
};

/** The ids that somebody looked at. */
function lookedAt({ reads }: RunEvidence): Set<string> {
  const looked = new Set<string>();
  for (const { saw } of reads) {
    if (saw === undefined || 'from' in saw) continue;
    for (const item of saw.items) looked.add(item[0]);
  }
  return looked;
}

/** Of the entries up to each number: their sum, and how many of them nobody can name any more. */
interface Sums {
  readonly sums: Uint32Array;
  readonly nameless: Uint32Array;
}

function prefixSums({ entries, writes, oldest, head }: RunEvidence): Sums {
  const sums = new Uint32Array(head + 1);
  const nameless = new Uint32Array(head + 1).fill(1);
  const name = (seq: number, by: string | undefined) => {
    sums[seq] = placeSum(seq, by);
    nameless[seq] = 0;
  };
  // What was compacted away is named by who was told its number.
  if (oldest > 1)
    writes.forEachPlace((place, write, entry) => {
      if (place > 0 && place < oldest && place <= head)
        name(place, tagOf(writes.operations[write] as Operation, entry));
    });
  for (let i = 0; i < entries.count; i++) {
    const seq = entries.seqs[i] as number;
    if (seq <= head) name(seq, entries.bys[i]);
  }
  sums[0] = nameless[0] = 0;
  for (let seq = 1; seq <= head; seq++) {
    sums[seq] = (sums[seq] as number) + (sums[seq - 1] as number);
    nameless[seq] = (nameless[seq] as number) + (nameless[seq - 1] as number);
  }
  return { sums, nameless };
}

function range(
  operation: Operation,
  { from, to, sum, gap }: RangeSight,
  { head }: RunEvidence,
  { sums, nameless }: Sums,
  fault: Fault,
): void {
  const name = () => `${nameOf(operation)} of entries ${from} to ${to}`;
  if (gap) fault(`${name()} had gaps`);
  else if (to > head && to >= from) fault(`${name()} saw more than there is: the last is ${head}`);
  else if (to >= from && nameless[to] === nameless[from - 1]) {
    const there = ((sums[to] as number) - (sums[from - 1] as number)) >>> 0;
    if (there !== sum) fault(`${name()} saw others than are there`);
  }
}

function state(
  operation: Operation,
  { seq = Infinity, items }: StateSight,
  { head, can }: RunEvidence,
  lives: Lives,
  fault: Fault,
): void {
  if (seq !== Infinity && seq > head) {
    fault(`${nameOf(operation)} saw the state as of entry ${seq}, and the last is ${head}`);
    return;
  }
  for (const [id, by, rev = 0] of items) {
    if (seq === Infinity) {
      // The store does not tell when it was: that it ever was so is all that can be asked.
      if (!lives.wasEver(id, by))
        fault(`${nameOf(operation)} saw ${id} as ${by} wrote it, which is not there`);
      continue;
    }
    const there = lives.at(id, seq);
    if (there === undefined) continue;
    if (there.by !== by)
      fault(`${nameOf(operation)} as of entry ${seq} saw ${id} ${wrote(by)}, and it was ${wrote(there.by)}`);
    else if (there.rev !== rev && can.includes('rev'))
      fault(
        `${nameOf(operation)} as of entry ${seq} saw ${id} at rev ${rev}, and it was at rev ${there.rev}`,
      );
  }
}

function wrote(by: string | null): string {
  return by === null ? 'missing' : `as ${by} wrote it`;
}
