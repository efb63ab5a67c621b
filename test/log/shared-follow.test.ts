import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../src/clock/clock.ts';
import { GENESIS_CRC } from '../../src/format/line.ts';
import { type FollowOptions, type LogRecord, lastData, Wal, type WalOptions } from '../../src/index.ts';
import { seeded } from '../../src/lab/seeded.ts';
import {
  changedEnvironment,
  changedFile,
  changedStorage,
  systemError,
} from '../../src/lab/wrapped-storage.ts';
import { Reading, Replaced } from '../../src/log/reading.ts';
import type { Seat } from '../../src/log/seat.ts';
import { SharedReading } from '../../src/log/shared-reading.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { LineReader, LineStore, Progress } from '../../src/store/store.ts';
import { inScratch } from '../support/scratch.ts';
import { seedOf } from '../support/seed.ts';
import { SEGMENT } from '../support/small-log.ts';

const add = (n: number, bytes = 20) => ({ op: 'add', id: `bd-${n}`, data: { n, text: 'x'.repeat(bytes) } });
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Follows a log, and keeps what it was given. */
class Follower {
  readonly records: LogRecord[] = [];
  readonly ended: Promise<unknown>;
  readonly #stop = new AbortController();
  /** Awaited after each record. */
  pause: Promise<void> | undefined;
  #heard = () => {};

  constructor(wal: Wal, options: FollowOptions = {}) {
    this.ended = this.#follow(wal, options);
  }

  async #follow(wal: Wal, options: FollowOptions): Promise<unknown> {
    try {
      for await (const record of wal.follow({ ...options, signal: this.#stop.signal })) {
        this.records.push(record);
        this.#heard();
        await this.pause;
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }

  get seqs(): number[] {
    return this.records.map(({ seq }) => seq);
  }

  async has(seq: number): Promise<void> {
    while ((this.records.at(-1)?.seq ?? 0) < seq) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    assert.equal(await this.ended, undefined);
  }
}

/** A writer, and a Wal to follow of whose segments is counted how many are open, and how often one was synced. */
async function inLog(
  body: (
    wal: Wal,
    reader: Wal,
    disk: { open: number; syncs: number; fails: boolean },
    directory: string,
  ) => Promise<void>,
  options: WalOptions = {},
): Promise<void> {
  await inScratch('shared-follow', async (scratch) => {
    const directory = join(scratch, 'log');
    const disk = { open: 0, syncs: 0, fails: false };
    const storage = changedStorage({
      open: (path, access, as) => {
        const file = nodeStorage.open(path, access, as);
        if (!path.endsWith('.jsonl')) return file;
        disk.open++;
        return changedFile(file, {
          sync: async () => {
            disk.syncs++;
            await turn();
            if (disk.fails) throw systemError('EIO');
          },
          close: () => {
            disk.open--;
            file.close();
          },
        });
      },
    });
    const wal = await Wal.open(directory, { durability: 'os', ...options });
    const reader = await Wal.openIn(changedEnvironment({ storage }), directory, { readOnly: true });
    try {
      await body(wal, reader, disk, directory);
    } finally {
      await reader.close();
      await wal.close();
      assert.equal(disk.open, 0);
    }
  });
}

const fill = async (wal: Wal, from: number, to: number, bytes?: number) => {
  for (const n of numbers(from, to)) await wal.append(add(n, bytes));
};

/** Waits until so many segments are open. */
async function opens(disk: { open: number }, count: number): Promise<void> {
  while (disk.open !== count) await turn();
}

test('followers at the end of the log have one file open, and none once they have left', () =>
  inLog(async (wal, reader, disk) => {
    await fill(wal, 1, 3);
    const followers = numbers(1, 20).map(() => new Follower(reader));
    await opens(disk, 1);
    await fill(wal, 4, 6);
    await Promise.all(followers.map((each) => each.has(6)));
    for (const each of followers) assert.deepEqual(each.seqs, numbers(1, 6));
    assert.equal(disk.open, 1);
    // Among them the one whose reading it was.
    await Promise.all(followers.slice(0, 19).map((each) => each.stop()));
    await fill(wal, 7, 8);
    await followers[19]?.has(8);
    assert.equal(disk.open, 1);
    await followers[19]?.stop();
    await opens(disk, 0);
    const again = new Follower(reader);
    await again.has(8);
    await fill(wal, 9, 9);
    await again.has(9);
    assert.deepEqual(again.seqs, numbers(1, 9));
  }));

test('followers that begin anywhere, at any time, are given every record from there once', (t) =>
  inLog(
    async (wal, reader) => {
      const dice = seeded(seedOf(t));
      const followers: [first: number, Follower][] = [];
      const crcs = new Map<number, string>();
      for (let n = 1; n <= 400; ) {
        const count = 1 + Math.floor(dice() * 4);
        if (dice() < 0.3) await wal.appendBatch(numbers(n, n + count - 1).map((each) => add(each)));
        else await Promise.all(numbers(n, n + count - 1).map((each) => wal.append(add(each))));
        n += count;
        if (dice() < 0.3) {
          const first = 1 + Math.floor(dice() * (n + 5));
          followers.push([first, new Follower(reader, { from: first, durable: dice() < 0.3 })]);
        }
        if (dice() < 0.1) {
          const head = await wal.head();
          followers.push([head.seq + 1, new Follower(reader, { from: head })]);
        }
        if (dice() < 0.2) await turn();
        if (dice() < 0.1) await followers.splice(Math.floor(dice() * followers.length), 1)[0]?.[1].stop();
      }
      const { seq: last } = await wal.append(add(0));
      assert.ok(followers.length > 20);
      for (const [first, each] of followers) {
        if (first > last) continue;
        await each.has(last);
        assert.deepEqual(each.seqs, numbers(first, last));
        for (const { seq, crc, data } of each.records) {
          assert.equal(crc, crcs.get(seq) ?? crc);
          crcs.set(seq, crc);
          if (seq < last) assert.deepEqual(data, add(seq).data);
        }
      }
    },
    { segmentBytes: 4096 },
  ));

test('a follower that lags behind holds nobody up, reads by itself, and misses nothing', () =>
  inLog(
    async (wal, reader, disk) => {
      const quick = new Follower(reader);
      const slow = new Follower(reader);
      await opens(disk, 1);
      let goOn = () => {};
      slow.pause = new Promise((resolve) => {
        goOn = resolve;
      });
      // Some 3 MB.
      for (const n of numbers(1, 30)) {
        await wal.append(add(n, 100_000));
        await quick.has(n);
      }
      assert.deepEqual(slow.seqs, [1]);
      slow.pause = undefined;
      goOn();
      await slow.has(30);
      assert.deepEqual(slow.seqs, numbers(1, 30));
      await opens(disk, 1);
      await fill(wal, 31, 32);
      await Promise.all([slow.has(32), quick.has(32)]);
      assert.deepEqual(slow.seqs, numbers(1, 32));
    },
    { segmentBytes: 2 ** 20 },
  ));

test('what followers are given is their own, to its depths', () =>
  inLog(async (wal, reader, disk) => {
    const followers = numbers(1, 3).map(() => new Follower(reader));
    await opens(disk, 1);
    const data = JSON.parse('{"list":[{"a":[1,{"b":2}]},null],"__proto__":{"c":{"d":3}},"text":"x"}');
    await wal.append({ op: 'add', id: 'bd-1', data, key: 'k' });
    await wal.appendBatch([
      { op: 'add', id: 'bd-2', data },
      { op: 'add', id: 'bd-3' },
    ]);
    await Promise.all(followers.map((each) => each.has(3)));
    const [one, other] = followers.map(({ records }) => records) as [LogRecord[], LogRecord[]];
    assert.deepEqual(one, other);
    const parts = (value: unknown): object[] =>
      typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(parts)] : [];
    const owned = new Set(parts(one));
    assert.ok(owned.size > 15);
    for (const part of parts(other)) assert.ok(!owned.has(part));
    for await (const record of reader.read()) assert.deepEqual(one[record.seq - 1], record);
  }));

test('data of any depth is given to each of several followers', () =>
  inLog(async (wal, reader, disk) => {
    const followers = [new Follower(reader), new Follower(reader)];
    await opens(disk, 1);
    let data: unknown = 1;
    for (const n of numbers(1, 900)) data = n % 2 === 0 ? [data] : { data };
    await wal.append({ op: 'add', id: 'deep', data });
    await Promise.all(followers.map((each) => each.has(1)));
    for (const { records } of followers) assert.deepEqual(records[0]?.data, data);
  }));

test('durable followers share one sync, and end where it fails, before the record', () =>
  inLog(async (wal, reader, disk) => {
    const followers = numbers(1, 5).map(() => new Follower(reader, { durable: true }));
    const plain = new Follower(reader);
    await opens(disk, 2);
    await fill(wal, 1, 1);
    await Promise.all(followers.map((each) => each.has(1)));
    assert.equal(disk.syncs, 1);
    disk.fails = true;
    await fill(wal, 2, 2);
    for (const each of followers) {
      assert.equal(((await each.ended) as { code: string }).code, 'ERR_WAL_SYNC');
      assert.deepEqual(each.seqs, [1]);
    }
    await plain.has(2);
    disk.fails = false;
  }));

test('each follower goes on in a log that took the old one’s place, if it has its last record', () =>
  inLog(async (wal, reader, disk, directory) => {
    const [copy, away] = [`${directory}-copy`, `${directory}-away`];
    await fill(wal, 1, 2);
    cpSync(directory, copy, { recursive: true });
    const other = await Wal.open(copy);
    const behind = new Follower(reader, { from: 3 });
    await opens(disk, 1);
    const followers = numbers(1, 3).map(() => new Follower(reader));
    await Promise.all(followers.map((each) => each.has(2)));
    await opens(disk, 1);
    await fill(other, 3, 4);
    await other.close();
    renameSync(directory, away);
    renameSync(copy, directory);
    await Promise.all([...followers, behind].map((each) => each.has(4)));
    for (const each of followers) assert.deepEqual(each.seqs, numbers(1, 4));
    assert.deepEqual(behind.seqs, [3, 4]);
    // Now one that has not.
    renameSync(directory, copy);
    renameSync(away, directory);
    for (const each of [...followers, behind])
      assert.equal(((await each.ended) as { code: string }).code, 'ERR_WAL_DIVERGED');
  }));

test('damage ends each follower, after the records before it', () =>
  inLog(async (wal, reader, disk, directory) => {
    const followers = numbers(1, 3).map(() => new Follower(reader));
    await opens(disk, 1);
    await fill(wal, 1, 2);
    const [name] = readdirSync(directory).filter((each) => SEGMENT.test(each)) as [string];
    appendFileSync(join(directory, name), 'no line of the log\n');
    for (const each of followers) {
      assert.equal(((await each.ended) as { code: string }).code, 'ERR_WAL_CORRUPT');
      assert.deepEqual(each.seqs, [1, 2]);
    }
  }));

test('followers go on over a compaction; one whose place it took away is told so', () =>
  inLog(
    async (wal, reader, disk) => {
      const followers = numbers(1, 3).map(() => new Follower(reader));
      await fill(wal, 1, 30, 200);
      await Promise.all(followers.map((each) => each.has(30)));
      await opens(disk, 1);
      await wal.compact({ fold: lastData, retain: 1 });
      await fill(wal, 31, 60, 200);
      const late = new Follower(reader, { from: 5 });
      assert.equal(((await late.ended) as { code: string }).code, 'ERR_WAL_COMPACTED');
      await Promise.all(followers.map((each) => each.has(60)));
      for (const each of followers) assert.deepEqual(each.seqs, numbers(1, 60));
    },
    { segmentBytes: 4096 },
  ));

test('a body that throws leaves other followers alone, one that is paused the closing', () =>
  inLog(async (wal, reader, disk) => {
    const follower = new Follower(reader);
    const paused = reader.follow();
    const throwing = (async () => {
      for await (const _ of reader.follow()) throw new Error('the body threw');
    })();
    const first = paused.next();
    await opens(disk, 1);
    await fill(wal, 1, 1);
    assert.equal((await first).value?.seq, 1);
    await assert.rejects(throwing, { message: 'the body threw' });
    await fill(wal, 2, 2);
    await follower.has(2);
    await reader.close();
    assert.equal(disk.open, 0);
    assert.equal(await follower.ended, undefined);
    assert.equal((await paused.next()).done, true);
  }));

/** A store of lines that are given bit by bit; `changed` resolves at once. */
function storeOf(lines: readonly string[]) {
  const store = { given: 0, progress: 'end' as Progress };
  const reader = (): LineReader => {
    let read = -1;
    return {
      read: (feed) => {
        if (read < 0) feed.begin(1, { link: GENESIS_CRC, crc: GENESIS_CRC }, false);
        for (read = Math.max(read, 0); read < store.given; read++) feed.push(Buffer.from(`${lines[read]}\n`));
        feed.pause();
        return store.progress;
      },
      sync: async () => {},
      close: () => {},
    };
  };
  return Object.assign(store, {
    reader,
    watch: () => ({ changed: () => turn(), close: () => {} }),
  }) as unknown as LineStore & typeof store;
}

test('who is at another line of the same number, or before others, does not share with them', () =>
  inScratch('shared-follow', async (scratch) => {
    const [lines, others] = (await Promise.all(
      ['a', 'b'].map(async (name) => {
        const directory = join(scratch, name);
        const wal = await Wal.open(directory, { durability: 'os' });
        for (const n of numbers(1, 6)) await wal.append(add(n));
        await wal.close();
        return readFileSync(join(directory, '00000000000000000001.jsonl'), 'utf8').trimEnd().split('\n');
      }),
    )) as [string[], string[]];
    const stop = new AbortController();
    const { signal } = stop;
    const store = storeOf(lines);
    const shared = new SharedReading(store, systemClock, false, signal);
    const readingOf = async (lines: readonly string[], given: number) => {
      const range = { first: 1, last: Infinity, cursor: undefined };
      const store = Object.assign(storeOf(lines), { given });
      const reading = new Reading(store, systemClock, range, 0, { signal, durable: false });
      while ((await reading.next()) !== undefined);
      return reading;
    };
    try {
      store.given = 3;
      const range = { first: 1, last: Infinity, cursor: undefined };
      const first = new Reading(store, systemClock, range, 0, { signal, durable: false });
      while ((await first.next()) !== undefined);
      assert.ok(shared.join(first, signal) !== undefined);
      assert.equal(shared.join(await readingOf(others, 3), signal), undefined);
      assert.equal(shared.join(await readingOf(lines, 2), signal), undefined);
      const [same, ahead, elsewhere] = [
        shared.join(await readingOf(lines, 3), signal),
        shared.join(await readingOf(lines, 5), signal),
        shared.join(await readingOf(others, 5), signal),
      ] as [Seat, Seat, Seat];
      store.given = 6;
      assert.deepEqual(
        (await same.next())?.map(({ seq }) => seq),
        [4, 5, 6],
      );
      assert.deepEqual(
        (await ahead.next())?.map(({ seq }) => seq),
        [6],
      );
      await assert.rejects(elsewhere.next(), Replaced);
    } finally {
      stop.abort();
    }
  }));
