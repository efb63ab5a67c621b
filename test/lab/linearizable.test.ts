import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MadeHistory, makeHistory } from '../../bench/made-history.ts';
import { HISTORY_CHECKS } from '../../src/lab/checks/always.ts';
import { makeCheck } from '../../src/lab/checks/check.ts';
import { clientOrder } from '../../src/lab/checks/client-order.ts';
import { linearizable } from '../../src/lab/checks/linearizable.ts';
import { type Call, linearize, type Model } from '../../src/lab/operations/linearize.ts';
import type { Operation } from '../../src/lab/operations/operation.ts';
import { RunEvidence } from '../../src/lab/operations/run-evidence.ts';
import { seeded } from '../../src/lab/seeded.ts';
import { disturb } from '../support/disturb.ts';
import { repeatWith, seedOf } from '../support/seed.ts';

/** A call on a register: it writes a value, or reads one. */
interface RegisterCall extends Call {
  readonly value: string;
}

class Register implements Model<RegisterCall> {
  readonly #values = ['nothing'];

  get state(): string {
    return this.#values.at(-1) as string;
  }

  readonly isFinal = true;

  tryCall({ isReading, value }: RegisterCall): boolean {
    if (isReading) return this.state === value;
    this.#values.push(value);
    return true;
  }

  undo({ isReading }: RegisterCall): void {
    if (!isReading) this.#values.pop();
  }
}

const reads = (value: string, start: number, end: number): RegisterCall => ({
  start,
  end,
  value,
  isSure: true,
  isReading: true,
});
const writes = (value: string, start: number, end = Infinity): RegisterCall => ({
  start,
  end,
  value,
  isSure: end !== Infinity,
  isReading: false,
});

describe('calls on a register', () => {
  const CASES: readonly (readonly [what: string, calls: readonly RegisterCall[], kind: 'order' | 'none'])[] =
    [
      [
        'one after the other',
        [writes('a', 0, 1), reads('a', 2, 3), writes('b', 4, 5), reads('b', 6, 7)],
        'order',
      ],
      ['a read that goes back', [writes('a', 0, 1), writes('b', 2, 3), reads('a', 4, 5)], 'none'],
      [
        'a read that sees either of two writes at once',
        [writes('a', 0, 5), writes('b', 1, 6), reads('a', 7, 8)],
        'order',
      ],
      [
        'two reads that see two writes at once the other way round, one after the other',
        [writes('a', 0, 9), writes('b', 0, 9), reads('a', 10, 11), reads('b', 12, 13)],
        'none',
      ],
      [
        'a read at the very moment at which a write ended',
        [writes('a', 0, 5), reads('nothing', 5, 6)],
        'order',
      ],
      ['a read a moment after a write ended', [writes('a', 0, 5), reads('nothing', 5.1, 6)], 'none'],
      [
        'a write that nobody knows of, done late',
        [writes('a', 0), writes('b', 1, 2), reads('b', 3, 4), reads('a', 5, 6)],
        'order',
      ],
      ['a write that nobody knows of, never done', [writes('a', 0), reads('nothing', 5, 6)], 'order'],
      [
        'a write that nobody knows of, done and undone',
        [writes('a', 0), reads('nothing', 1, 2), reads('a', 3, 4), reads('nothing', 5, 6)],
        'none',
      ],
      ['a read of what is written later', [reads('a', 0, 1), writes('a', 2, 3)], 'none'],
    ];
  for (const [what, calls, kind] of CASES)
    test(`${what}: ${kind === 'order' ? 'there is an order' : 'there is none'}`, () => {
      assert.equal(linearize(calls, new Register()).kind, kind);
      assert.equal(linearize([...calls].reverse(), new Register()).kind, kind);
    });

  test('more orders than may be tried: undecided', () => {
    const many = Array.from({ length: 12 }, (_, i) => writes(String(i), 0, 1));
    assert.equal(linearize([...many, reads('none of them', 2, 3)], new Register(), 1000).kind, 'undecided');
  });
});

/** The order of a client's calls is more than what makes a history linearizable. */
const SAME = HISTORY_CHECKS.filter((check) => check !== clientOrder);

interface Verdicts {
  readonly fast: readonly string[];
  readonly searched: readonly string[];
  /** Whether it is known of every write where its entries are, those that were compacted away included. */
  readonly isKnown: boolean;
}

function verdicts(made: MadeHistory): Verdicts {
  const evidence = new RunEvidence(made);
  const { writes, oldest } = evidence;
  const isPlaced = ({ outcome, duplicate }: Operation, write: number) =>
    outcome === 'refused' || duplicate || writes.placeOf(write, 0) !== 0;
  return {
    fast: SAME.flatMap((check) => makeCheck(check, evidence).examples),
    searched: makeCheck(linearizable, evidence).examples,
    isKnown: oldest === 1 || writes.operations.every(isPlaced),
  };
}

/** RUN_STRESS_TESTS=1 has many more. */
const LARGER = process.env.RUN_STRESS_TESTS === '1' ? 50 : 1;

test('the checks of a history and the search for an order agree, of sound and of disturbed ones', (t) => {
  const seed = seedOf(t);
  const dice = seeded(seed);
  const counts = { sound: 0, unsound: 0 };
  for (let i = 0; i < 1500 * LARGER; i++) {
    const settled = dice() < 0.5;
    const made = makeHistory(10 + Math.floor(dice() * 50), dice, { settled });
    const done = dice() < 0.2 ? [] : disturb(made, dice);
    if (dice() < 0.3) made.found.splice(0, Math.floor(dice() * made.found.length));
    const { fast, searched, isKnown } = verdicts(made);
    const told = `history ${i}: ${done.join(', ')}: ${fast.join('; ')} | ${searched.join('; ')}\n${repeatWith(seed)}`;
    // Where nobody was told the number of what was compacted away, the search alone tries every place for it.
    if (isKnown || fast.length > 0) assert.equal(fast.length > 0, searched.length > 0, told);
    if (fast.length > 0) counts.unsound++;
    else counts.sound++;
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(Math.min(counts.sound, counts.unsound) > 200, JSON.stringify(counts));
});
