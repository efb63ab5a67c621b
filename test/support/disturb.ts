import type { MadeHistory, Mutable } from '../../bench/made-history.ts';
import {
  type Operation,
  type RangeSight,
  type StateSight,
  writerOf,
} from '../../src/lab/operations/operation.ts';
import { placeSum } from '../../src/lab/operations/sum.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import type { Found, StoreItem } from '../../src/lab/target.ts';

type Op = Mutable<Operation>;

/** Changes something of a history that fits. */
interface Disturbance {
  readonly name: string;
  readonly fits?: (operation: Op) => boolean;
  readonly change: (operation: Op, made: MadeHistory, dice: Dice) => void;
}

/** From -3 to 3, and not 0. */
const step = (dice: Dice) => (dice() < 0.5 ? -1 : 1) * (1 + Math.floor(dice() * 3));
const raise = (operation: Op, field: 'seq' | 'rev', dice: Dice) => {
  operation[field] = (operation[field] as number) + step(dice);
};
const hasSeq = ({ seq, duplicate }: Op) => seq !== undefined && !duplicate;
const isLook = ({ saw }: Op) => saw !== undefined && 'items' in saw;
const isRange = ({ saw }: Op) => saw !== undefined && 'from' in saw;
const isConflict = ({ reason }: Op) => reason === 'conflict';
const hasHead = ({ head }: Op) => head !== undefined;
const entryAt = (made: MadeHistory, seq: number) => made.found[seq - 1];

const DISTURBANCES: readonly Disturbance[] = [
  {
    name: 'another time',
    change: (operation, _, dice) => {
      const by = (dice() - 0.5) * 200;
      operation.start += by;
      operation.end += by;
    },
  },
  {
    name: 'a longer time',
    change: (operation, _, dice) => {
      operation.end += dice() * 100;
    },
  },
  {
    name: 'another number',
    fits: hasSeq,
    change: (operation, _, dice) => raise(operation, 'seq', dice),
  },
  {
    name: 'an answer without its number',
    fits: hasSeq,
    change: (operation) => Object.assign(operation, { seq: undefined }),
  },
  {
    name: 'no answer',
    fits: ({ outcome, duplicate }) => outcome === 'acknowledged' && !duplicate,
    change: (operation) => {
      if (operation.saw === undefined)
        Object.assign(operation, { outcome: 'unknown', end: Infinity, seq: undefined });
    },
  },
  {
    name: 'refused, though it was done',
    fits: hasSeq,
    change: (operation) => Object.assign(operation, { outcome: 'refused', reason: 'exhausted' }),
  },
  {
    name: 'an older or newer look',
    fits: isLook,
    change: (operation, made, dice) => {
      const saw = operation.saw as Mutable<StateSight>;
      const seq = Math.max(0, (saw.seq as number) + step(dice));
      const crc = saw.crc === undefined ? undefined : dice() < 0.7 ? entryAt(made, seq)?.crc : 'ffffffff';
      operation.saw = { ...saw, seq, crc };
    },
  },
  {
    name: 'a look at what was written by another, or at another rev',
    fits: ({ saw }) => saw !== undefined && 'items' in saw && saw.items.length > 0,
    change: (operation, made, dice) => {
      const saw = operation.saw as StateSight;
      const [[id, by, rev] = []] = saw.items;
      const other = pick(dice, made.found)?.data as { readonly by: string } | undefined;
      const items = [
        dice() < 0.5 ? [id, other?.by ?? null, rev] : [id, by, (rev ?? 0) + step(dice)],
      ] as never;
      operation.saw = { ...saw, items };
    },
  },
  {
    name: 'a reading to another entry',
    fits: isRange,
    change: (operation, made, dice) => {
      const { from, to } = operation.saw as RangeSight;
      const last = Math.min(made.found.length, to + step(dice));
      let sum = 0;
      for (let seq = from; seq <= last; seq++)
        sum = (sum + placeSum(seq, writerOf(entryAt(made, seq)?.data))) >>> 0;
      if (last >= from) operation.saw = { from, to: last, sum, toEnd: dice() < 0.7 };
    },
  },
  {
    name: 'another sum',
    fits: isRange,
    change: (operation) => {
      operation.saw = { ...(operation.saw as RangeSight), sum: 1 };
    },
  },
  {
    name: 'a conflict at another head',
    fits: hasHead,
    change: (operation, made, dice) => {
      const seq = Math.max(0, (operation.head?.seq as number) + step(dice));
      operation.head = { seq, crc: dice() < 0.8 ? entryAt(made, seq)?.crc : 'ffffffff' };
    },
  },
  {
    name: 'a conflict that tells no head',
    fits: isConflict,
    change: (operation) => Object.assign(operation, { head: undefined }),
  },
  {
    name: 'a conflict that was none',
    fits: hasHead,
    change: (operation) => {
      const { head, rev, expect } = operation;
      operation.expect = expect?.rev === undefined ? head : { rev };
    },
  },
  {
    name: 'another rev of a conflict',
    fits: ({ rev }) => rev !== undefined,
    change: (operation, _, dice) => raise(operation, 'rev', dice),
  },
  {
    name: 'another expectation',
    fits: ({ expect }) => expect !== undefined,
    change: (operation, _, dice) => {
      const expect = operation.expect as NonNullable<Op['expect']>;
      if (expect.rev !== undefined)
        operation.expect = { ...expect, rev: Math.max(0, expect.rev + step(dice)) };
      else if (dice() < 0.5) operation.expect = { ...expect, crc: 'ffffffff' };
      else operation.expect = { ...expect, seq: Math.max(0, (expect.seq as number) + step(dice)) };
    },
  },
  {
    name: 'an expectation of what had none',
    fits: ({ kind, outcome }) => kind === 'append' && outcome === 'acknowledged',
    change: (operation, made, dice) => {
      operation.expect = { seq: Math.floor(dice() * made.found.length) };
    },
  },
  {
    name: "another's key",
    fits: ({ kind, entries }) => entries.length > 0 && kind !== 'transaction',
    change: (operation, made, dice) => {
      operation.key =
        pick(
          dice,
          made.operations.filter(({ key }) => key !== undefined),
        )?.key ?? 'key';
    },
  },
  {
    name: 'a duplicate answered with another number',
    fits: ({ duplicate }) => duplicate === true,
    change: (operation, _, dice) => raise(operation, 'seq', dice),
  },
  {
    name: 'a duplicate that is told as none',
    fits: ({ duplicate }) => duplicate === true,
    change: (operation) => Object.assign(operation, { duplicate: undefined }),
  },
  {
    name: 'what was done, told as a duplicate',
    fits: ({ outcome, kind, key }) => outcome === 'acknowledged' && kind === 'append' && key !== undefined,
    change: (operation) => Object.assign(operation, { duplicate: true }),
  },
  {
    name: 'two entries the other way round',
    change: (_, { found }, dice) => {
      const at = 1 + Math.floor(dice() * (found.length - 1));
      const [a, b] = [found[at - 1], found[at]] as [Mutable<Found>, Mutable<Found>];
      [found[at - 1], found[at]] = [b, a];
      [a.seq, b.seq] = [b.seq, a.seq];
      [a.crc, b.crc] = [b.crc, a.crc];
    },
  },
  {
    name: 'the last entry is not there',
    change: (_, { found, state }) => {
      found.pop();
      state.seq = found.length;
    },
  },
  {
    name: 'an entry decided on another',
    change: (_, { found }, dice) => {
      const entry = pick(dice, found) as Mutable<Found>;
      const data = entry.data as { readonly from?: string };
      if (data.from !== undefined) entry.data = { ...data, from: '9.9.9' };
    },
  },
  {
    name: 'another rev in the end',
    change: (_, { state }, dice) => {
      const item = pick(dice, state.items) as Mutable<StoreItem> | undefined;
      if (item !== undefined) item.rev = (item.rev as number) + step(dice);
    },
  },
];

/** Changes a history in one to three places, which may make it unsound. Answers what was done. */
export function disturb(made: MadeHistory, dice: Dice): string[] {
  const done: string[] = [];
  for (let left = 1 + Math.floor(dice() * 3); left > 0 && made.found.length > 2; left--) {
    const { name, fits = () => true, change } = pick(dice, DISTURBANCES) as Disturbance;
    const operation = pick(dice, made.operations.filter(fits));
    if (operation === undefined) continue;
    change(operation, made, dice);
    done.push(name);
  }
  return done;
}
