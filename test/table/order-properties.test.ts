import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePlaced, type Placed } from '../../src/format/order.ts';
import { type Fold, IGNORED, type Item, type Transaction, Wal } from '../../src/index.ts';
import { type Dice, pick, seeded } from '../../src/lab/seeded.ts';
import { Layer } from '../../src/table/layer.ts';
import { inScratch } from '../support/scratch.ts';
import { seedOf } from '../support/seed.ts';

interface Job {
  /** Undefined: it is not in the order. */
  readonly at?: number | string;
}

/** Many jobs are at one place, where their ids decide. */
const jobs: Fold<Job, Job | null> = {
  name: 'jobs',
  version: 1,
  apply: (value, { data }) => (data === null ? (value === undefined ? IGNORED : undefined) : data),
  order: ({ value }) => value.at,
};

const idOf = (dice: Dice, most: number): string => `job-${Math.floor(dice() * most)}`;

function jobOf(dice: Dice): Job | null {
  const kind = dice();
  if (kind < 0.2) return null;
  if (kind < 0.4) return {};
  const at = Math.floor(dice() * 50);
  return { at: kind < 0.5 ? `later ${at}` : at };
}

const placesOf = (items: Iterable<Item<Job>>): Placed[] =>
  [...items]
    .flatMap(({ id, value: { at } }) => (at === undefined ? [] : [{ id, order: at }]))
    .sort(comparePlaced);

test('layers over each other give their items in order, from any place on, as plain sorting does', (t) => {
  const dice = seeded(seedOf(t));
  for (const ids of [4, 40, 4000]) {
    const items = new Map<string, Item<Job>>();
    let top = new Layer<Job>(jobs);
    for (let step = 0; step < 1200; step++) {
      // Those below stay as they are from then on.
      if (step % 400 === 399) top = new Layer(jobs, top);
      for (let changes = dice() < 0.1 ? ids / 2 : 3; changes > 0; changes--) {
        const id = idOf(dice, ids);
        const value = jobOf(dice);
        const item = value === null ? undefined : { id, rev: step, ts: step, value, version: 1 };
        top.put(id, item);
        if (item === undefined) items.delete(id);
        else items.set(id, item);
      }
      if (dice() < 0.5) continue;
      const wanted = placesOf(items.values());
      const after = dice() < 0.3 ? undefined : { id: idOf(dice, ids), order: Math.floor(dice() * 50) };
      const rest = after === undefined ? wanted : wanted.filter((placed) => comparePlaced(placed, after) > 0);
      assert.deepEqual([...top.ordered(after)], rest);
    }
  }
});

/** So many that their places fill several blocks of a snapshot. */
const JOBS = 1000;

/** Asks a transaction for its order, changes something, and asks again; throws where that is not as plain sorting says. */
function decide(tx: Transaction<Job>, dice: Dice): void {
  for (let i = 0; i < 3; i++) {
    const order = [...tx.inOrder()].map(({ id }) => id);
    const wanted = placesOf(tx.list()).map(({ id }) => id);
    assert.deepEqual(order, wanted);
    // Most take the first one: that is what a queue is for.
    const id = dice() < 0.7 ? order[0] : idOf(dice, JOBS);
    if (id !== undefined) tx.append({ op: 'set', id, data: jobOf(dice) });
  }
}

test('transactions that share a write see the order that those before them leave, and so does the table', async (t) => {
  const dice = seeded(seedOf(t));
  await inScratch('order', async (directory) => {
    const open = () => Wal.open(directory, { durability: 'os', fold: jobs as Fold });
    let wals = [await open(), await open()];
    const entries = Array.from({ length: JOBS }, (_, i) => ({
      op: 'set',
      id: `job-${i}`,
      data: { at: i % 50 },
    }));
    await wals[0]?.appendBatch(entries);
    for (let round = 0; round < 40; round++) {
      if (round % 10 === 0) {
        await wals[0]?.compact();
        for (const wal of wals) await wal.close();
        wals = [await open(), await open()];
      }
      const wal = pick(dice, wals) as Wal;
      const table = await wal.table<Job>();
      await wal.append({ op: 'set', id: idOf(dice, JOBS), data: jobOf(dice) });
      await Promise.all([1, 2, 3, 4].map(() => table.transaction((tx) => decide(tx, dice))));
      for (const each of wals) {
        const other = await each.table<Job>();
        assert.deepEqual(
          [...other.inOrder()].map(({ id }) => id),
          placesOf(other.list()).map(({ id }) => id),
        );
      }
    }
    for (const wal of wals) await wal.close();
  });
});
