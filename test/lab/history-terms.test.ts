import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLIENTS, type MadeHistory, type Mutable, makeHistory } from '../../bench/made-history.ts';
import { HISTORY_CHECKS } from '../../src/lab/checks/always.ts';
import { makeCheck } from '../../src/lab/checks/check.ts';
import { conflicts } from '../../src/lab/checks/conflicts.ts';
import { expectations } from '../../src/lab/checks/expectations.ts';
import { freshReads } from '../../src/lab/checks/fresh-reads.ts';
import { keys } from '../../src/lab/checks/keys.ts';
import { linearizable } from '../../src/lab/checks/linearizable.ts';
import { logEnds } from '../../src/lab/checks/log-ends.ts';
import { readersAgree } from '../../src/lab/checks/readers-agree.ts';
import { stateOfEntries } from '../../src/lab/checks/state.ts';
import {
  type Operation,
  operationOf,
  type RangeSight,
  type StateSight,
  writerOf,
} from '../../src/lab/operations/operation.ts';
import { RunEvidence } from '../../src/lab/operations/run-evidence.ts';
import { placeSum } from '../../src/lab/operations/sum.ts';
import { chooseSeed, type Dice, pick, seeded } from '../../src/lab/seeded.ts';
import type { Found, StoreItem } from '../../src/lab/target.ts';

type Op = Mutable<Operation>;
type Plant = (made: MadeHistory, dice: Dice) => void;

const isDone = ({ outcome, duplicate }: Op) => outcome === 'acknowledged' && !duplicate;
const isPlain = (operation: Op) =>
  operation.kind === 'append' &&
  isDone(operation) &&
  operation.key === undefined &&
  operation.expect === undefined;

/** The history has nothing that could be changed so. */
class NoneSuch extends Error {}

/** One of the operations that fit. */
function some(made: MadeHistory, dice: Dice, fits: (operation: Op) => boolean): Op {
  const one = pick(dice, made.operations.filter(fits));
  if (one === undefined) throw new NoneSuch();
  return one;
}

/** A history in which that is wrong. */
function planted(plant: Plant, dice: Dice): MadeHistory {
  for (;;) {
    const made = makeHistory(SIZE, dice);
    try {
      plant(made, dice);
      return made;
    } catch (error) {
      if (!(error instanceof NoneSuch)) throw error;
    }
  }
}

/** The head that the log had with that number: in the middle of a batch, the batch's. */
function headAt(made: MadeHistory, seq: number): { readonly seq: number; readonly crc: string } {
  const { crc = '00000000' } = made.found[seq - 1] ?? {};
  const last = made.found.findLast((each) => each.crc === crc)?.seq;
  return { seq: last ?? 0, crc };
}

/** Which of the history's operations took effect first, from 0. */
const turnOf = ({ client, number }: Op) => number * CLIENTS + Number(client);

/**
 * An operation that is made while nobody else does anything: all that took effect by then have ended, and all others begin later. Answers it,
 * and where the log ends at that time.
 */
function alone(
  made: MadeHistory,
  dice: Dice,
  what: Partial<Operation> & Pick<Operation, 'kind'>,
): { readonly one: Op; readonly seq: number } {
  const last = some(made, dice, isPlain);
  const moment =
    Math.max(...made.operations.filter((each) => turnOf(each) <= turnOf(last)).map(({ start }) => start)) + 1;
  for (const operation of made.operations) {
    const isLater = turnOf(operation) > turnOf(last);
    if (isLater) operation.start = Math.max(operation.start, moment) + 100;
    operation.end = isLater
      ? operation.end + 100 + Math.max(0, moment - operation.end)
      : Math.min(operation.end, moment);
  }
  const [start, end] = [moment + 40, moment + 60];
  const one = operationOf({ client: 'alone', run: 0, number: 0, start, end, ...what }) as Op;
  made.operations.push(one);
  return { one, seq: last.seq as number };
}

const refused = { outcome: 'refused', reason: 'conflict' } as const;
const late = (made: MadeHistory) => (operation: Op) =>
  isPlain(operation) && (operation.seq as number) > made.found.length / 2;
const answered = ({ duplicate }: Op) => duplicate === true;
const told = ({ head }: Op) => head !== undefined;

const PLANTS: readonly (readonly [check: typeof conflicts, what: string, plant: Plant])[] = [
  [
    expectations,
    'an append that went through, and expected a head with another number',
    (made, dice) => {
      const one = some(made, dice, late(made));
      const seq = (one.seq as number) + (pick(dice, [-4, -3, -2, 0, 1, 2]) as number);
      one.expect = dice() < 0.5 ? { seq } : headAt(made, seq);
      if (one.expect.seq === (one.seq as number) - 1) one.expect = { seq };
    },
  ],
  [
    expectations,
    'an append that went through, and expected another crc',
    (made, dice) => {
      const one = some(made, dice, late(made));
      one.expect = { seq: (one.seq as number) - 1, crc: 'ffffffff' };
    },
  ],
  [
    expectations,
    'an append that went through, and expected a head of before, and was not answered',
    (made, dice) => {
      const one = some(made, dice, late(made));
      one.expect = headAt(made, (one.seq as number) - 4);
      Object.assign(one, { outcome: 'unknown', end: Infinity, seq: undefined });
    },
  ],
  [
    expectations,
    'an append that went through, and expected another rev',
    (made, dice) => {
      const one = some(made, dice, ({ expect, seq }) => expect?.rev !== undefined && seq !== undefined);
      const rev = one.expect?.rev as number;
      one.expect = { rev: rev === 0 ? 1 : rev - 1 };
    },
  ],
  [
    conflicts,
    'a conflict at the very head that was expected',
    (made, dice) => {
      const one = some(made, dice, told);
      one.expect = dice() < 0.5 ? { ...one.head } : { seq: one.head?.seq };
    },
  ],
  [
    conflicts,
    'a conflict at the very rev that was expected',
    (made, dice) => {
      const one = some(made, dice, ({ rev }) => rev !== undefined);
      one.expect = { rev: one.rev };
    },
  ],
  [
    conflicts,
    'a conflict that tells nothing, while the log ended all the time where that was expected',
    (made, dice) => {
      const { one, seq } = alone(made, dice, {
        kind: 'append',
        ...refused,
        entries: [{ op: 'add', id: 'x', sum: 0 }],
      });
      const head = headAt(made, seq);
      one.expect = dice() < 0.5 ? head : { seq: head.seq };
    },
  ],
  [
    conflicts,
    'a conflict that tells nothing, while the id was all the time as was expected',
    (made, dice) => {
      const id = (pick(dice, made.state.items) as { readonly id: string }).id;
      const { one, seq } = alone(made, dice, {
        kind: 'append',
        ...refused,
        entries: [{ op: 'update', id, sum: 0 }],
      });
      const last = made.found.findLast((each) => each.id === id && each.seq <= seq);
      one.expect = { rev: last === undefined || last.op === 'delete' ? 0 : last.seq };
    },
  ],
  [
    logEnds,
    'a conflict that tells a number past the end, or in the middle of a batch',
    (made, dice) => {
      const one = some(made, dice, told);
      const batch = some(made, dice, (each) => each.kind === 'batch' && isDone(each));
      const seq = dice() < 0.5 ? made.found.length + 1 : (batch.seq as number) + Math.floor(dice() * 2);
      one.head = { seq, crc: made.found[seq - 1]?.crc };
    },
  ],
  [
    logEnds,
    'a conflict that tells a crc that the head never had',
    (made, dice) => {
      const one = some(made, dice, (each) => told(each) && each.head?.seq !== 0);
      const other = pick(dice, made.found) as Found;
      const crc = other.crc === one.head?.crc ? 'ffffffff' : other.crc;
      one.head = { seq: one.head?.seq as number, crc };
    },
  ],
  [
    conflicts,
    'a conflict that tells a head from before it began',
    (made, dice) => {
      const one = some(made, dice, (each) => told(each) && (each.head?.seq as number) > 40);
      one.head = headAt(made, (one.head?.seq as number) - 30 + Math.floor(dice() * 5));
    },
  ],
  [
    conflicts,
    'a conflict that tells a head from after it ended',
    (made, dice) => {
      const one = some(
        made,
        dice,
        (each) => told(each) && (each.head?.seq as number) + 40 < made.found.length,
      );
      one.head = headAt(made, (one.head?.seq as number) + 30 - Math.floor(dice() * 5));
    },
  ],
  [
    conflicts,
    'a conflict that tells a rev that the id did not have',
    (made, dice) => {
      const one = some(made, dice, (each) => told(each) && each.rev !== undefined);
      one.rev = (one.rev as number) + 1;
      if (one.expect?.rev === one.rev) one.rev++;
    },
  ],
  [
    conflicts,
    'a conflict of an append whose key was there',
    (made, dice) => {
      const one = some(made, dice, (each) => told(each) && (each.head?.seq as number) > 5);
      const first = some(
        made,
        dice,
        (each) =>
          isPlain(each) &&
          (each.seq as number) <= (one.head?.seq as number) &&
          (each.seq as number) > (one.head?.seq as number) - 30,
      );
      first.key = 'planted';
      one.key = 'planted';
    },
  ],
  [
    keys,
    'a key answered with the number of another entry',
    (made, dice) => {
      const one = some(made, dice, answered);
      one.seq = (one.seq as number) + (pick(dice, [-2, -1, 1, 2]) as number);
    },
  ],
  [
    keys,
    'a key answered with the number of an entry that has none',
    (made, dice) => {
      const one = some(made, dice, isPlain);
      made.operations.push({
        ...one,
        client: 'alone',
        number: 0,
        key: 'planted',
        duplicate: true,
        start: one.end,
        end: one.end + 1,
      });
    },
  ],
  [
    keys,
    'a key answered with the last number of its batch',
    (made, dice) => {
      const batch = some(
        made,
        dice,
        (each) => each.kind === 'batch' && isDone(each) && each.key === undefined,
      );
      batch.key = 'planted';
      const seq = (batch.seq as number) + batch.entries.length - 1;
      made.operations.push({
        ...batch,
        client: 'alone',
        number: 0,
        duplicate: true,
        seq,
        start: batch.end,
        end: batch.end + 1,
      });
    },
  ],
  [
    keys,
    'a key that was there, written once more',
    (made, dice) => {
      const one = some(made, dice, isPlain);
      const other = some(
        made,
        dice,
        (each) =>
          isPlain(each) &&
          each !== one &&
          Math.abs((each.seq as number) - (one.seq as number)) <= made.keyWindow,
      );
      [one.key, other.key] = ['planted', 'planted'];
    },
  ],
  [
    keys,
    'a key that was there, written once more by who was not answered',
    (made, dice) => {
      const one = some(made, dice, isPlain);
      const other = some(
        made,
        dice,
        (each) =>
          isPlain(each) &&
          each !== one &&
          Math.abs((each.seq as number) - (one.seq as number)) <= made.keyWindow,
      );
      [one.key, other.key] = ['planted', 'planted'];
      Object.assign(one, { outcome: 'unknown', end: Infinity, seq: undefined });
    },
  ],
  [
    keys,
    'what was written, answered as a duplicate',
    (made, dice) => {
      const one = some(made, dice, isPlain);
      Object.assign(one, { key: 'planted', duplicate: true });
    },
  ],
  [
    keys,
    'a key answered before its entry was begun',
    (made, dice) => {
      const one = some(made, dice, late(made));
      one.key = 'planted';
      made.operations.push({
        ...one,
        client: 'alone',
        number: 0,
        duplicate: true,
        start: one.start - 20,
        end: one.start - 10,
      });
    },
  ],
  [
    keys,
    'a key answered that is forgotten',
    (made, dice) => {
      const early = some(made, dice, (each) => isPlain(each) && (each.seq as number) < 20);
      const end = Math.max(...made.operations.map((each) => (each.end === Infinity ? 0 : each.end)));
      early.key = 'planted';
      made.operations.push({
        ...early,
        client: 'alone',
        number: 0,
        duplicate: true,
        start: end + 10,
        end: end + 20,
      });
    },
  ],
];

/** What readers see amiss. */
const SIGHTS: readonly (readonly [check: typeof conflicts, what: string, plant: Plant])[] = [
  [
    logEnds,
    'a look at a part of a batch',
    (made, dice) => {
      const batch = some(made, dice, (each) => each.kind === 'batch' && isDone(each));
      const one = some(made, dice, ({ saw }) => saw !== undefined && 'items' in saw);
      one.saw = { seq: (batch.seq as number) + Math.floor(dice() * 2), items: [] };
      [one.start, one.end] = [batch.start, batch.end];
    },
  ],
  [
    readersAgree,
    'a look at an id with another rev',
    (made, dice) => {
      const one = some(made, dice, ({ saw }) => saw !== undefined && 'items' in saw && saw.items.length > 0);
      const saw = one.saw as StateSight;
      const [id, by, rev = 0] = saw.items[0] as StateSight['items'][number];
      one.saw = { ...saw, items: [[id, by, rev + (dice() < 0.5 ? 1 : 2)]] };
    },
  ],
  [
    stateOfEntries,
    'an id with another rev in the end',
    (made, dice) => {
      const item = pick(dice, made.state.items) as Mutable<StoreItem>;
      item.rev = (item.rev as number) + 1;
    },
  ],
  [
    freshReads,
    'a following that was given an entry before that was begun',
    (made, dice) => {
      const one = some(
        made,
        dice,
        ({ saw }) => saw !== undefined && 'from' in saw && saw.to + 40 < made.found.length,
      );
      one.saw = rangeOf(made, 1, (one.saw as RangeSight).to + 30);
    },
  ],
  [
    freshReads,
    'a look that knows less than a following that ended before',
    (made, dice) => {
      const look = some(
        made,
        dice,
        ({ saw }) => saw !== undefined && 'items' in saw && (saw.seq as number) + 1 < made.found.length,
      );
      const { seq = 0 } = look.saw as StateSight;
      // What nobody was answered may have been done at any time: the following alone tells.
      for (const operation of made.operations)
        if (operation.entries.length > 0 && isDone(operation))
          Object.assign(operation, { outcome: 'unknown', end: Infinity, seq: undefined });
      const end = look.start - 1;
      const saw = rangeOf(made, 1, seq + 1);
      made.operations.push(
        operationOf({ ...look, client: 'alone', number: 0, kind: 'read', start: 0, end, saw }),
      );
    },
  ],
];

/** What a following saw of those entries. */
function rangeOf({ found }: MadeHistory, from: number, to: number): RangeSight {
  let sum = 0;
  for (const { seq, data } of found)
    if (seq >= from && seq <= to) sum = (sum + placeSum(seq, writerOf(data))) >>> 0;
  return { from, to, sum, toEnd: false };
}

/** Short enough for the search, long enough to have some of everything. */
const SIZE = 150;
const VARIANTS = 20;

describe('of each of 20 histories, the checks and the search for an order find', () => {
  for (const [check, what, plant] of [...PLANTS, ...SIGHTS])
    test(what, (t) => {
      const seed = chooseSeed();
      t.diagnostic(`TEST_SEED=${seed}`);
      const dice = seeded(seed);
      for (let i = 0; i < VARIANTS; i++) {
        const evidence = new RunEvidence(planted(plant, dice));
        const found = HISTORY_CHECKS.map((each) => makeCheck(each, evidence)).filter(({ ok }) => !ok);
        const names = found.map(({ name, examples }) => `${name} (${examples[0]})`);
        assert.ok(
          found.some(({ name }) => name === check.name),
          `variant ${i}: found by ${names.join('; ') || 'none'}`,
        );
        assert.equal(makeCheck(linearizable, evidence).ok, false, `variant ${i}: the search found an order`);
      }
    });
});
