import {
  type AppendOptions,
  type Entry,
  type Fold,
  lastData,
  type Table,
  type Wal,
  type WalError,
} from '../../src/index.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import type { OperationName, RepairName } from './decisions.ts';
import { type Content, type Durability, idsOf, type KeyAnswer } from './key-oracle.ts';
import type { SimWorld } from './model.ts';
import { ACCOUNTS, COUNTER } from './oracle.ts';

/** What a process has while it does something. */
export interface Hand {
  readonly wal: Wal;
  readonly world: SimWorld;
  readonly dice: Dice;
  readonly durability: Durability;
  /** Aborts where the process wants to come to an end. */
  readonly signal: AbortSignal;
  /** Ids that nobody else has, in the order of the calls. */
  newIds(count: number): string[];
  table(): Promise<Table<number>>;
  /** Waits for its turn. */
  pause(): Promise<void>;
  /** Whether what was answered counts: not where the process was killed meanwhile. */
  readonly isAlive: boolean;
  /** Notes that an append was acknowledged that was called for after so many checkouts. */
  acknowledged(ids: readonly string[], seq: number, began: number, keyed?: KeyAnswer): void;
}

export type BackgroundTasks = Readonly<
  Record<Exclude<OperationName, 'close' | RepairName>, (hand: Hand) => Promise<void>>
>;

const SIZES = [0, 10, 100, 1000];
const CLAIMS = 6;
const MOST_KEYED = 6;

/** Each rejects with what the log rejects with, after it has noted what that means. */
export const WORK: BackgroundTasks = {
  append: (hand) => append(hand, hand.newIds(1)),
  batch: (hand) => append(hand, hand.newIds(3)),
  expect: async (hand) => {
    const head = await hand.wal.head();
    await append(hand, hand.newIds(1), { expect: head }, head.seq);
  },
  abort: async (hand) => {
    const stop = new AbortController();
    void hand.pause().then(() => stop.abort());
    await append(hand, hand.newIds(1), { signal: stop.signal });
  },
  keyed: appendWithKeys,
  again: async (hand) => {
    const key = pick(hand.dice, [...hand.world.unsettled]);
    if (key !== undefined) await keyed(hand, key);
  },
  claim,
  increment,
  transfer,
  glance,
  'strange-fold': strangeFold,
  read: async (hand) => {
    const { wal } = hand;
    await watch(hand, wal.read({ from: await wal.oldest() }), Infinity, false);
  },
  follow: async (hand) => {
    const { wal, dice, signal } = hand;
    const durable = dice() < 0.4;
    const from = dice() < 0.5 ? await wal.oldest() : (await wal.head()).seq + 1;
    await watch(hand, wal.follow({ from, signal, durable }), 1 + Math.floor(dice() * 20), durable);
  },
  verify: async ({ wal, world }) => {
    const { error, missing } = await wal.verify();
    if (error !== undefined) throw error;
    const [open] = missing.filter(({ settled }) => !settled);
    if (open !== undefined) world.fault(`verify: entries from ${open.from} on are missing`);
  },
  compact: async ({ wal, dice }) => {
    await wal.compact({ fold: lastData, retain: pick(dice, [1, 2]) as number });
  },
  backup: async (hand) => {
    const { wal, world, dice } = hand;
    const path = world.newBackup();
    if (path === undefined) return;
    const { oracle } = world;
    const { highest } = oracle;
    const link = dice() < 0.5;
    const { harms } = world.copies;
    const { seq } = await wal.backup(path, { link });
    if (!hand.isAlive) return;
    if (seq < highest && oracle === world.oracle)
      world.fault(`a backup ends at entry ${seq}, though ${highest} had been acknowledged before`);
    await world.backedUp(path, seq, link, harms);
  },
};

/** `after`: the entry that they must follow at once. */
async function append(
  hand: Hand,
  ids: readonly string[],
  options: AppendOptions = {},
  after?: number,
): Promise<void> {
  const { wal, world, dice } = hand;
  const { oracle } = world;
  const entries = entriesOf(ids, pick(dice, SIZES) as number);
  oracle.tried(ids);
  const { highest } = oracle;
  const { count: began } = world.checkouts;
  try {
    const [first] = entries;
    const single = entries.length === 1 && first !== undefined;
    const { seq } = await (single ? wal.append(first, options) : wal.appendBatch(entries, options));
    if (!hand.isAlive) return;
    hand.acknowledged(ids, seq, began);
    if (seq <= highest && oracle === world.oracle)
      world.fault(
        `${ids[0]} is entry ${seq}, though ${highest} had been acknowledged before it was called for`,
      );
    if (after !== undefined && seq !== after + 1)
      world.fault(`${ids[0]} is entry ${seq}, though it was to follow ${after}`);
  } catch (error) {
    if (!hand.isAlive) return;
    refused(world, ids, error as WalError);
    if ((error as WalError).code === 'ERR_WAL_SYNC') await appendLatched(hand);
    throw error;
  }
}

/** After a failed sync nothing can be appended any more. */
async function appendLatched({ wal, world, newIds }: Hand): Promise<void> {
  const ids = newIds(1);
  world.oracle.tried(ids);
  try {
    await wal.append(entriesOf(ids, 0)[0] as Entry);
    world.fault(`${ids} was appended by a Wal of which a sync had failed`);
  } catch (error) {
    refused(world, ids, error as WalError);
    const { code } = error as WalError;
    if (code !== 'ERR_WAL_LATCHED' && code !== 'ERR_WAL_CLOSED')
      world.fault(`after a failed sync ${ids} was rejected with ${code}`);
  }
}

export function entriesOf(ids: readonly string[], bytes: number) {
  return ids.map((id) => ({ op: 'add', id, data: 'x'.repeat(bytes) }));
}

/** Notes what a rejection says of an append. */
export function refused(world: SimWorld, ids: readonly string[], { outcome, message }: WalError): void {
  if (outcome === 'not-written') world.oracle.refused(ids);
  else if (outcome !== 'unknown') world.fault(`an append was rejected without an outcome: ${message}`);
}

/** Appends with keys, some of them at the window's edge, and raises that. */
async function appendWithKeys(hand: Hand): Promise<void> {
  const { dice, world } = hand;
  const times = 1 + Math.floor(dice() * MOST_KEYED);
  for (let i = 0; i < times && hand.isAlive; i++) {
    const { highest, keys } = world.oracle;
    const thrown = dice();
    const shared = `key-${Math.floor(dice() * CLAIMS)}`;
    const atEdge = keys.nearEdge(dice, highest);
    if (thrown < 0.1) await raise(hand);
    else if (thrown < 0.6 && atEdge !== undefined) await keyed(hand, atEdge);
    else await keyed(hand, thrown < 0.7 ? shared : `key-${hand.newIds(1)[0]}`);
  }
}

/** Appends what others may have appended before: whoever tries, it is there once in a window. */
async function keyed(hand: Hand, key: string): Promise<void> {
  const { wal, world } = hand;
  const { oracle } = world;
  const { highest } = oracle;
  const ids = idsOf(key);
  world.oracle.tried(ids);
  world.unsettled.add(key);
  const { count: began } = world.checkouts;
  const content = highest % 5 === 4 ? 'rare' : 'usual';
  const entries = keyedEntries(key, content);
  const single = ids.length === 1;
  try {
    const { seq, duplicate = false } = await (single
      ? wal.append(entries[0] as Entry, { key })
      : wal.appendBatch(entries, { key }));
    if (!hand.isAlive) return;
    world.unsettled.delete(key);
    // Of a log that was damaged or replaced since, nobody knows that.
    const known = oracle === world.oracle ? highest : 0;
    hand.acknowledged(ids, seq, began, { key, content, seq, duplicate, highest: known });
  } catch (error) {
    const seq = takenBy(error);
    if (seq === undefined) throw error;
    if (!hand.isAlive || oracle !== world.oracle || began !== world.checkouts.count) return;
    const wrong = oracle.keys.refused({ key, content, seq, highest });
    if (wrong !== undefined) world.fault(wrong);
  }
}

export function keyedEntries(key: string, content: Content) {
  return entriesOf(idsOf(key), content === 'rare' ? 1 : 0);
}

/** The entry because of which an append was surely not written: it has the key, and another content. */
export function takenBy(error: unknown): number | undefined {
  const { code, outcome, seq } = error as WalError;
  return code === 'ERR_WAL_KEY_REUSED' && outcome === 'not-written' ? seq : undefined;
}

/** Raises the key window, of a log that has a small one. */
async function raise(hand: Hand): Promise<void> {
  const { wal, world, dice, durability } = hand;
  const { keyWindow } = wal.info();
  if (keyWindow >= 1000) return;
  const window = keyWindow + Math.ceil(dice() * 5);
  const { oracle } = world;
  oracle.keys.tries(window);
  const { seq } = await wal.raiseKeyWindow(window);
  if (hand.isAlive && oracle === world.oracle) oracle.keys.raised(seq, window, durability);
}

/** Appends what only one can. */
async function claim(hand: Hand): Promise<void> {
  const { wal, world, dice } = hand;
  const id = `claim-${Math.floor(dice() * CLAIMS)}`;
  world.oracle.tried([id]);
  const { count: began } = world.checkouts;
  const { seq } = await wal.append({ op: 'add', id }, { expect: { rev: 0 } });
  if (hand.isAlive) hand.acknowledged([id], seq, began);
}

async function increment(hand: Hand): Promise<void> {
  const { world, durability } = hand;
  const table = await hand.table();
  const { oracle } = world;
  const { highest } = oracle;
  oracle.increments();
  const item = await table.update(COUNTER, (value = 0) => value + 1);
  if (!hand.isAlive || oracle !== world.oracle) return;
  const { rev = 0 } = item ?? {};
  oracle.incremented(durability);
  if (durability === 'sync') world.checkouts.keep();
  oracle.reached(rev, durability);
  if (rev <= highest)
    world.fault(`an increment is entry ${rev}, though ${highest} had been acknowledged before`);
}

class ChangedMind extends Error {}

async function transfer(hand: Hand): Promise<void> {
  const { dice } = hand;
  const table = await hand.table();
  const amount = Math.floor(dice() * 100) - 50;
  const changesMind = dice() < 0.2;
  try {
    await table.transaction((tx) => {
      const [from, to] = ACCOUNTS;
      tx.append({ op: 'move', id: from, data: (tx.get(from) ?? 0) - amount });
      if (changesMind) throw new ChangedMind();
      tx.append({ op: 'move', id: to, data: (tx.get(to) ?? 0) + amount });
    });
  } catch (error) {
    if (!(error instanceof ChangedMind)) throw error;
  }
}

/** Two decisions in one write: the second sees what the first writes, and may say so only once that has landed. */
async function glance(hand: Hand): Promise<void> {
  const { world } = hand;
  const { oracle } = world;
  const table = await hand.table();
  const id = `seen-${hand.newIds(1)}`;
  oracle.tried([id]);
  const written = table.transaction((tx) => tx.append({ op: 'add', id }));
  written.catch(() => {});
  const wasSeen = await table.transaction((tx) => tx.has(id));
  if (!hand.isAlive) return;
  await table.refresh();
  if (wasSeen && hand.isAlive && oracle === world.oracle && !table.has(id))
    world.fault(`a transaction was told that ${id} is there, and it is not`);
  await written;
}

const STRANGE: Fold<number> = { name: 'strange', version: 1, apply: () => 1 };

/** What a compaction with another fold than the log's would delete is what the log's own needs. */
async function strangeFold({ wal, world }: Hand): Promise<void> {
  const { git, fold } = wal.info();
  if (git || (!world.isCompacted && fold === undefined)) return;
  try {
    await wal.compact({ fold: STRANGE });
  } catch (error) {
    if ((error as WalError).code === 'ERR_WAL_FOLD') return;
    throw error;
  }
  world.fault('a log whose fold is recorded was compacted with another');
}

/** Looks at what a reader is given: no gap, nothing that others were given otherwise. */
async function watch(
  hand: Hand,
  records: AsyncIterable<{ readonly seq: number; readonly crc: string }>,
  most: number,
  kept: boolean,
): Promise<void> {
  const { world } = hand;
  const { oracle } = world;
  let last = 0;
  let count = 0;
  for await (const { seq, crc } of records) {
    if (!hand.isAlive) return;
    if (last !== 0 && seq !== last + 1) world.fault(`entry ${seq} was read after ${last}`);
    // In another commit it may be another one.
    const wrong = oracle === world.oracle ? oracle.saw(seq, crc, kept) : undefined;
    if (wrong !== undefined) world.fault(wrong);
    if (kept && oracle === world.oracle) world.checkouts.keep();
    last = seq;
    if (++count >= most) return;
  }
}
