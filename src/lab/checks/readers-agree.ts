import { lastIndexWhere } from '../../table/sorted.ts';
import { type Evidence, nameOf } from '../operations/evidence.ts';
import {
  type Operation,
  type RangeSight,
  type StateSight,
  tagOf,
  writerOf,
} from '../operations/operation.ts';
import { placeSum } from '../operations/sum.ts';
import { type Check, type Fault, telling } from './check.ts';

/** Whatever anybody read at any time is what is there in the end. Of what was compacted away since, what was acknowledged can be compared. */
export const readersAgree: Check = {
  name: 'every reader saw the same',
  examine: telling((evidence, fault) => {
    const sums = prefixSums(evidence);
    const lives = livesOf(evidence);
    for (const operation of evidence.operations) {
      const { saw } = operation;
      if (saw === undefined) continue;
      if ('from' in saw) range(operation, saw, evidence, sums, fault);
      else state(operation, saw, evidence, lives, fault);
    }
  }),
};

/** Of the entries up to each number: their sum, and how many of them nobody can name any more. */
interface Sums {
  readonly sums: Uint32Array;
  readonly nameless: Uint32Array;
}

function prefixSums({ found, writes, oldest, head }: Evidence): Sums {
  const names: (string | undefined)[] = [];
  const named = new Uint8Array(head + 1);
  const name = (seq: number, by: string | undefined) => {
    names[seq] = by;
    named[seq] = 1;
  };
  // What was compacted away is named by who was told its number.
  for (const write of oldest > 1 ? writes : []) {
    for (let i = 0; i < write.size; i++) {
      const place = write.placeOf(i);
      if (place > 0 && place < oldest && place <= head) name(place, tagOf(write.operation, i));
    }
  }
  for (const { seq, data } of found) if (seq <= head) name(seq, writerOf(data));
  const sums = new Uint32Array(head + 1);
  const nameless = new Uint32Array(head + 1);
  for (let seq = 1; seq <= head; seq++) {
    sums[seq] = (sums[seq - 1] as number) + placeSum(seq, names[seq]);
    nameless[seq] = (nameless[seq - 1] as number) + 1 - (named[seq] as number);
  }
  return { sums, nameless };
}

function range(
  operation: Operation,
  { from, to, sum, gap }: RangeSight,
  { head }: Evidence,
  { sums, nameless }: Sums,
  fault: Fault,
): void {
  const name = () => `${nameOf(operation)} of entries ${from} to ${to}`;
  if (gap) fault(`${name()} had gaps`);
  else if (to > head) fault(`${name()} saw more than there is: the last is ${head}`);
  else if (to >= from && nameless[to] === nameless[from - 1]) {
    const there = ((sums[to] as number) - (sums[from - 1] as number)) >>> 0;
    if (there !== sum) fault(`${name()} saw others than are there`);
  }
}

/** What became of an id, entry by entry: who wrote it, or null where it was deleted. */
interface Life {
  readonly seqs: number[];
  readonly writers: (string | null)[];
}

/** The lives of all ids that somebody looked at. */
function livesOf({ found, operations }: Evidence): Map<string, Life> {
  const lives = new Map<string, Life>();
  for (const { saw } of operations) {
    if (saw === undefined || 'from' in saw) continue;
    for (const [id] of saw.items) if (!lives.has(id)) lives.set(id, { seqs: [], writers: [] });
  }
  for (const { seq, op, id, data } of found) {
    const life = lives.get(id);
    life?.seqs.push(seq);
    life?.writers.push(op === 'delete' ? null : (writerOf(data) ?? null));
  }
  return lives;
}

function state(
  operation: Operation,
  { seq = Infinity, items }: StateSight,
  { oldest, head }: Evidence,
  lives: Map<string, Life>,
  fault: Fault,
): void {
  if (seq !== Infinity && seq > head) {
    fault(`${nameOf(operation)} saw the state as of entry ${seq}, and the last is ${head}`);
    return;
  }
  for (const [id, by] of items) {
    const life = lives.get(id);
    if (seq === Infinity) {
      // The store does not tell when it was: that it ever was so is all that can be asked.
      const ever = by === null || oldest > 1 || life?.writers.includes(by);
      if (!ever) fault(`${nameOf(operation)} saw ${id} as ${by} wrote it, which is not there`);
      continue;
    }
    const at = lastIndexWhere(life?.seqs ?? [], (each) => each <= seq);
    if (at === -1 && oldest > 1) continue;
    const there = at === -1 ? null : (life?.writers[at] as string | null);
    if (there !== by)
      fault(`${nameOf(operation)} as of entry ${seq} saw ${id} ${wrote(by)}, and it was ${wrote(there)}`);
  }
}

function wrote(by: string | null): string {
  return by === null ? 'missing' : `as ${by} wrote it`;
}
