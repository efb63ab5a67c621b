import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/clock/clock.ts';
import { YieldBudget } from '../../src/clock/yield-budget.ts';
import { hasCode } from '../../src/errors/errors.ts';
import { DEFAULT_KEY_WINDOW } from '../../src/format/key-scope.ts';
import {
  type Fold,
  type LogRecord,
  lastData,
  type Rewind,
  Wal,
  WalError,
  type WalOptions,
} from '../../src/index.ts';
import { type Dice, hexDigits, pick, seeded } from '../../src/lab/seeded.ts';
import { Stats } from '../../src/log/stats.ts';
import { realEnvironment } from '../../src/setup/environment.ts';
import { resolveOptions } from '../../src/setup/options.ts';
import { makeSession } from '../../src/wal/session.ts';
import { MemoryLog } from '../support/memory-log.ts';
import { MemoryStore, MOST_BYTES } from '../support/memory-store.ts';
import { inScratch } from '../support/scratch.ts';
import { seedOf } from '../support/seed.ts';

/** A log on a server that several Wals have open. */
interface Server extends Place {
  readonly dice: Dice;
  readonly log: MemoryLog;
  /** After so many more ways to the server or back, one fails. */
  failAfter(hops: number): void;
}

/** A log that several Wals have open. */
interface Place {
  open(options?: WalOptions): Promise<Wal>;
  /** Keeps what the log holds; the answer puts that in its place. */
  keep(): () => void;
}

type Body = (place: Place) => Promise<void>;

const SMALL = { segmentBytes: 4096 };

const STORES: Record<string, (t: TestContext, body: Body) => Promise<void>> = {
  'a directory': (_, body) =>
    inScratch('stores', async (scratch) => {
      const log = join(scratch, 'log');
      let kept = 0;
      await body({
        open: (options) => Wal.open(log, options),
        keep: () => {
          const copy = join(scratch, `copy-${++kept}`);
          cpSync(log, copy, { recursive: true });
          return () => {
            rmSync(log, { recursive: true });
            cpSync(copy, log, { recursive: true });
          };
        },
      });
    }),
  'a server’s memory': onServer,
};

async function onServer(t: TestContext, body: (server: Server) => Promise<void>): Promise<void> {
  const dice = seeded(seedOf(t));
  let left = Infinity;
  const hop = async () => {
    for (let turns = Math.floor(dice() * 3); turns >= 0; turns--) await systemClock.yield();
    if (left-- > 0) return;
    left = Infinity;
    throw new WalError('ERR_WAL_IO', 'The server cannot be reached.');
  };
  const id = hexDigits(dice)(16);
  const created = '2026-01-01T00:00:00.000Z';
  const log = new MemoryLog(
    { id, created, git: false, keyWindow: DEFAULT_KEY_WINDOW, keepEvents: false },
    hop,
  );
  await body({
    dice,
    log,
    open: (options = {}) => {
      const { segmentBytes, ...resolved } = resolveOptions(options);
      const session = makeSession(realEnvironment);
      const budget = new YieldBudget(systemClock, resolved.blockMs);
      const parts = { ...resolved, clock: systemClock, budget, stats: new Stats(), session };
      return Wal.on(new MemoryStore(log, segmentBytes), parts);
    },
    keep: () => {
      const kept = log.stream.copy();
      return () => {
        log.stream = kept.copy();
      };
    },
    failAfter: (hops) => {
      left = hops;
    },
  });
}

/** Runs a test on each store. */
function onEach(what: string, body: Body): void {
  for (const [name, run] of Object.entries(STORES)) test(`${what}, in ${name}`, (t) => run(t, body));
}

async function openMany(place: Place, count: number, options?: WalOptions): Promise<Wal[]> {
  const wals: Wal[] = [];
  for (let i = 0; i < count; i++) wals.push(await place.open(options));
  return wals;
}

async function closeAll(wals: readonly Wal[]): Promise<void> {
  for (const wal of wals) await wal.close();
}

async function recordsOf(wal: Wal, from?: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of wal.read({ from })) records.push(record);
  return records;
}

const idsOf = (records: readonly LogRecord[]) => records.map(({ id }) => id);
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const add = (id: string, data: unknown = {}) => ({ op: 'add', id, data });

onEach('what five append at once is there once, in the order of each, and as answered', async (place) => {
  const wals = await openMany(place, 5, SMALL);
  const answers = await Promise.all(
    wals.map(async (wal, w) => {
      const found = new Map<string, number>();
      for (const id of numbered(`w${w}`, 40)) found.set(id, (await wal.append(add(id))).seq);
      return found;
    }),
  );
  const records = await recordsOf(wals[0] as Wal);
  assert.deepEqual(
    records.map(({ seq }) => seq),
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
  for (const [w, answer] of answers.entries()) {
    const own = records.filter(({ id }) => id.startsWith(`w${w}-`));
    assert.deepEqual(
      [...answer],
      own.map(({ id, seq }) => [id, seq]),
    );
    assert.deepEqual(idsOf(own), numbered(`w${w}`, 40));
  }
  for (const wal of wals) assert.equal((await wal.verify()).error, undefined);
  assert.deepEqual(
    await Promise.all(wals.map((wal) => wal.head())),
    wals.map(() => ({ seq: 200, crc: records.at(-1)?.crc })),
  );
  await closeAll(wals);
});

onEach('many at once and batches of several go together, and each is there once', async (place) => {
  const wals = await openMany(place, 3);
  const work = wals.flatMap((wal, w) => [
    ...numbered(`w${w}`, 50).map((id) => wal.append(add(id))),
    wal.appendBatch(numbered(`b${w}`, 3).map((id) => add(id))),
  ]);
  const seqs = (await Promise.all(work)).map(({ seq }) => seq);
  assert.equal(new Set(seqs).size, seqs.length);
  const ids = idsOf(await recordsOf(wals[0] as Wal));
  assert.equal(new Set(ids).size, 3 * 53);
  for (const w of [0, 1, 2]) assert.ok(ids.join().includes(numbered(`b${w}`, 3).join()));
  await closeAll(wals);
});

onEach('a key is there once, whoever tries it, and a stale expectation is a conflict', async (place) => {
  const wals = await openMany(place, 4);
  const tries = await Promise.all(wals.map((wal) => wal.append(add('once'), { key: 'k' })));
  assert.equal(new Set(tries.map(({ seq }) => seq)).size, 1);
  assert.equal(tries.filter(({ duplicate }) => duplicate).length, 3);
  const expect = await (wals[0] as Wal).head();
  const ends = await Promise.allSettled(wals.map((wal) => wal.append(add('next'), { expect })));
  const codes = ends.map((end) => (end.status === 'fulfilled' ? 'done' : end.reason.code)).sort();
  assert.deepEqual(codes, ['ERR_WAL_CONFLICT', 'ERR_WAL_CONFLICT', 'ERR_WAL_CONFLICT', 'done']);
  await closeAll(wals);
});

onEach('followers get what comes, in order, past many segments', async (place) => {
  const [writer, reader] = (await openMany(place, 2, SMALL)) as [Wal, Wal];
  const stop = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const { id } of reader.follow({ signal: stop.signal, durable: true }))
      if (seen.push(id) === 150) stop.abort();
  })();
  for (const id of numbered('f', 150)) await writer.append(add(id, 'x'.repeat(100)));
  await following;
  assert.deepEqual(seen, numbered('f', 150));
  await closeAll([writer, reader]);
});

onEach('transactions of four lose no update', async (place) => {
  const wals = await openMany(place, 4, { fold: lastData });
  await Promise.all(
    wals.map(async (wal) => {
      const table = await wal.table<number>();
      for (let i = 0; i < 20; i++)
        await table.transaction((tx) => {
          tx.set('sum', (tx.get('sum') ?? 0) + 1);
        });
    }),
  );
  const table = await (wals[0] as Wal).table<number>();
  await table.refresh();
  assert.equal(table.get('sum'), 80);
  await closeAll(wals);
});

onEach('a log is compacted while others write: state and keys stay, and the records go', async (place) => {
  const wals = (await openMany(place, 3, { ...SMALL, fold: lastData })) as [Wal, Wal, Wal];
  const [a, b, sleeper] = wals;
  const table = await sleeper.table<number>();
  await a.append(add('keyed', 'first'), { key: 'k' });
  for (let round = 1; round <= 3; round++) {
    const writing = (async () => {
      for (const id of numbered('c', 60)) await b.append(add(id, round));
    })();
    for (const id of numbered('d', 60)) await a.append(add(id, round));
    const report = await a.compact({ retain: 1 });
    assert.equal(report.made, true);
    await writing;
  }
  const { seq } = await b.compact({ retain: 1 });
  assert.equal(await b.oldest(), seq + 1);
  await assert.rejects(recordsOf(b, 1), { code: 'ERR_WAL_COMPACTED', seq });
  await table.refresh();
  assert.deepEqual([table.size, table.get('c-59'), table.get('d-0')], [121, 3, 3]);
  assert.equal((await sleeper.append(add('late', 4))).seq, seq + 1);
  const late = await place.open();
  const state = await late.table<number>();
  assert.deepEqual([state.size, state.get('late')], [122, 4]);
  assert.equal((await late.append(add('keyed', 'first'), { key: 'k' })).duplicate, true);
  assert.equal((await late.verify()).ok, true);
  await closeAll([...wals, late]);
});

onEach(
  'an older copy takes the log’s place: who had more acknowledged is told, and goes on there',
  async (place) => {
    const told: Rewind[] = [];
    const wal = await place.open({ ...SMALL, onRewound: (rewind) => told.push(rewind) });
    const other = await place.open();
    for (const id of numbered('kept', 5)) await wal.append(add(id, 'x'.repeat(1500)));
    const follower = other.follow({ from: 1 });
    for (let i = 0; i < 5; i++) await follower.next();
    const putBack = place.keep();
    for (const id of numbered('gone', 3)) await wal.append(add(id));
    for (let i = 0; i < 3; i++) await follower.next();
    putBack();
    const [own, others] = await Promise.all([wal.append(add('own')), other.append(add('others'))]);
    assert.deepEqual([own.seq, others.seq].sort(), [6, 7]);
    assert.deepEqual(
      told.map(({ from, to }) => [from, to]),
      [[6, 8]],
    );
    assert.equal(wal.stats().replacements, 1);
    const ids = idsOf(await recordsOf(wal));
    assert.deepEqual([ids.slice(0, 5), ids.slice(5).sort()], [numbered('kept', 5), ['others', 'own']]);
    await assert.rejects(follower.next(), { code: 'ERR_WAL_DIVERGED' });
    await closeAll([wal, other]);
  },
);

test('what needs files is refused where a log has none, and what waits to be appended goes on', (t) =>
  onServer(t, async ({ open }) => {
    const wal = await open();
    const waiting = wal.append(add('a'));
    const unsupported = { code: 'ERR_WAL_UNSUPPORTED', outcome: 'not-written' };
    assert.throws(() => wal.appendSync(add('b')), unsupported);
    await assert.rejects(wal.backup('/nowhere'), unsupported);
    assert.equal((await waiting).seq, 1);
    assert.deepEqual(idsOf(await recordsOf(wal)), ['a']);
    await wal.close();
  }));

test('a server is cut off on any way of an append: tried again with its key, it is there once', (t) =>
  onServer(t, async ({ open, failAfter }) => {
    const wal = await open();
    const outcomes: string[] = [];
    for (const [hops, id] of numbered('cut', 6).entries()) {
      failAfter(hops);
      const failed = await wal.append(add(id), { key: id }).then(
        () => undefined,
        (error) => error,
      );
      outcomes.push(failed?.outcome ?? 'appended');
      failAfter(Infinity);
      const { duplicate = false } = await wal.append(add(id), { key: id });
      assert.equal(duplicate, outcomes.at(-1) !== 'not-written');
    }
    // To read, to put down, the answer to that; to sync, to look once more.
    const [read, put] = ['not-written', 'not-written'];
    assert.deepEqual(outcomes, [read, put, 'unknown', 'unknown', 'unknown', 'appended']);
    assert.deepEqual(idsOf(await recordsOf(wal)), numbered('cut', 6));
    await wal.close();
  }));

test('a group is as long as the store takes it, a longer entry goes alone, and a seal may follow', (t) =>
  onServer(t, async ({ log, open }) => {
    const wal = await open({ segmentBytes: 100_000, fold: lastData });
    const table = await wal.table();
    const work: Promise<unknown>[] = numbered('g', 100).map((id) => wal.append(add(id, 'x'.repeat(200))));
    work.push(wal.append(add('long', 'x'.repeat(5000))), wal.append(add('keyed'), { key: 'k' }));
    for (const id of numbered('t', 20)) work.push(table.transaction((tx) => tx.set(id, 'x'.repeat(300))));
    await Promise.all(work);
    await wal.compact();
    const messages = [...log.stream.messages.values()].map(({ bytes }) => bytes);
    const lines = messages.map((bytes) => bytes.toString().trimEnd().split('\n'));
    const long = messages.filter(({ length }) => length > MOST_BYTES);
    assert.deepEqual(
      lines.filter((_, i) => long.includes(messages[i] as Buffer)).map(({ length }) => length),
      [1],
    );
    assert.ok(lines.some(({ length }) => length > 5));
    assert.deepEqual(idsOf(await recordsOf(wal)).slice(-122), [
      ...numbered('g', 100),
      'long',
      'keyed',
      ...numbered('t', 20),
    ]);
    await wal.close();
  }));

/** How often each id was added; with what transactions add, their sum. */
const COUNT: Fold<number, number> = {
  name: 'count',
  version: 1,
  apply: (value = 0, { data = 1 }) => value + data,
};

/** Tries again what a server that is cut off now and then fails. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, 'ERR_WAL_IO')) throw error;
    }
  }
}

test('five write, decide and compact on a server that is cut off now and then: all is there once', (t) =>
  onServer(t, async ({ dice, open, failAfter }) => {
    const options = { ...SMALL, fold: COUNT };
    const wals: Wal[] = [];
    for (let w = 0; w < 5; w++) wals.push(await open(options));
    let sum = 0;
    await Promise.all(
      wals.map(async (wal, w) => {
        const table = await insist(() => wal.table<number>());
        for (const id of numbered(`w${w}`, 30)) {
          if (dice() < 0.2) failAfter(Math.floor(dice() * 20));
          await insist(() => wal.append({ op: 'add', id }, { key: id }));
          if (dice() < 0.2) await insist(() => wal.compact({ retain: pick(dice, [1, 2]) as number }));
          if (dice() > 0.3) continue;
          const outcome = await table
            .transaction((tx) => tx.append({ op: 'add', id: 'sum', data: 1 }))
            .then(
              () => 'written',
              (error) => error.outcome,
            );
          assert.notEqual(outcome, undefined);
          if (outcome === 'written') sum++;
          else if (outcome === 'unknown') sum = Number.NaN;
        }
      }),
    );
    failAfter(Infinity);
    const late = await open(options);
    const table = await late.table<number>();
    for (let w = 0; w < 5; w++) for (const id of numbered(`w${w}`, 30)) assert.equal(table.get(id), 1, id);
    if (!Number.isNaN(sum)) assert.equal(table.get('sum') ?? 0, sum);
    assert.equal((await late.verify()).ok, true);
    await closeAll([...wals, late]);
  }));
