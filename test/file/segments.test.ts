import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { type LogRecord, Wal, type WalOptions } from '../../src/index.ts';
import {
  changedEnvironment,
  changedFile,
  changedStorage,
  type FileChanges,
} from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';

const SMALL = { segmentBytes: 4096 } as const;
const entry = (n: number) => ({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(200) });

/** A log of several segments with `count` entries. */
async function fill(directory: string, count: number, keyed = false): Promise<void> {
  const wal = await Wal.open(directory, SMALL);
  for (let n = 1; n <= count; n++) await wal.append(entry(n), keyed ? { key: `key-${n}` } : {});
  await wal.close();
}

const segmentsOf = (directory: string) =>
  readdirSync(directory).filter((name) => /^[0-9]{20}\.jsonl$/.test(name));

async function seqsOf(records: AsyncIterable<LogRecord>): Promise<number[]> {
  const seqs = [];
  for await (const { seq } of records) seqs.push(seq);
  return seqs;
}

const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, i) => from + i);

test('a segment that is full is sealed, and the log goes on in the next: readers see one log', () =>
  inScratch('segments', async (directory) => {
    await fill(directory, 100);
    const segments = segmentsOf(directory);
    assert.ok(segments.length > 5, `${segments.length} segments`);
    for (const name of segments.slice(0, -1)) {
      const lines = readFileSync(join(directory, name), 'utf8').trimEnd().split('\n');
      assert.match(lines.at(-1) as string, /"entries":\[\]/);
      assert.doesNotMatch(lines.slice(0, -1).join('\n'), /"entries"/);
    }
    assert.deepEqual(
      (await recordsIn(directory)).map(({ seq }) => seq),
      upTo(100),
    );
    const wal = await Wal.open(directory, SMALL);
    const report = await wal.verify();
    assert.deepEqual([report.ok, report.entries, report.segments.length], [true, 100, segments.length]);
    assert.equal((await wal.append(entry(101))).seq, 101);
    assert.deepEqual(await seqsOf(wal.read({ from: 60 })), upTo(101, 60));
    await wal.close();
  }));

test("another log's segment in the middle is told by verify as by reading, though all after it reads well", () =>
  inScratch('segments', async (directory) => {
    const [log, other] = [join(directory, 'log'), join(directory, 'other')];
    await fill(log, 100);
    await fill(other, 100);
    const [, , third] = segmentsOf(log) as [string, string, string];
    assert.equal(segmentsOf(other)[3], segmentsOf(log)[3]);
    cpSync(join(other, third), join(log, third));
    const facts = { code: 'ERR_WAL_DIVERGED', segment: third };
    const wal = await Wal.open(log, { readOnly: true });
    await assert.rejects(seqsOf(wal.read()), facts);
    const { ok, error } = await wal.verify();
    assert.deepEqual({ ok, code: error?.code, segment: error?.segment }, { ok: false, ...facts });
    await wal.close();
  }));

test('opening reads the last segment only, whatever lies before it', () =>
  inScratch('segments', async (directory) => {
    await fill(directory, 100);
    const [first] = segmentsOf(directory) as [string];
    writeFileSync(join(directory, first), 'not a log\n');
    const wal = await Wal.open(directory, SMALL);
    assert.equal((await wal.append(entry(101))).seq, 101);
    await assert.rejects(seqsOf(wal.read()), { code: 'ERR_WAL_CORRUPT' });
    assert.equal((await wal.verify()).ok, false);
    await wal.close();
  }));

test('opening reads only the end of the segment before the last', () =>
  inScratch('segments', async (directory) => {
    const options = { segmentBytes: 1024 * 1024 };
    const wal = await Wal.open(directory, options);
    await wal.append({ ...entry(1), data: 'x'.repeat(1_000_000) });
    for (let n = 2; segmentsOf(directory).length < 2; n++)
      await wal.append({ ...entry(n), data: 'x'.repeat(10_000) });
    await wal.close();
    let bytes = 0;
    const read = (file: StorageFile, target: Buffer, position: number) => {
      const count = file.read(target, position);
      bytes += count;
      return count;
    };
    const environment = changedEnvironment({ storage: changedStorage({}, { read }) });
    const next = await Wal.openIn(environment, directory, options);
    assert.ok(bytes < 300_000, `${bytes} bytes`);
    await next.close();
  }));

test('a segment missing in the middle: reading ends there with an error, and so does opening where it was the last but one', () =>
  inScratch('segments', async (directory) => {
    await fill(directory, 100);
    const segments = segmentsOf(directory);
    rmSync(join(directory, segments[2] as string));
    const wal = await Wal.open(directory, SMALL);
    await assert.rejects(seqsOf(wal.read()), {
      code: 'ERR_WAL_DIVERGED',
      segment: segments[3],
      message: /segments are missing/,
    });
    await wal.close();
    rmSync(join(directory, segments.at(-2) as string));
    await assert.rejects(Wal.open(directory, SMALL), {
      code: 'ERR_WAL_DIVERGED',
      segment: segments.at(-1),
    });
  }));

for (const how of ['append', 'appendSync'] as const) {
  test(`a key in an earlier segment than the last is found by a new process's ${how}`, () =>
    inScratch('segments', async (directory) => {
      await fill(directory, 100, true);
      const wal = await Wal.open(directory, SMALL);
      const append = async (n: number) => wal[how](entry(n), { key: `key-${n}` });
      assert.deepEqual(
        [await append(3), await append(100), await append(101)].map(({ seq, duplicate }) => [seq, duplicate]),
        [
          [3, true],
          [100, true],
          [101, undefined],
        ],
      );
      await wal.close();
    }));
}

for (const between of [0, 4000]) {
  test(`an overtaken group that is long, and ends in a seal of the same seq as the segment's, is not taken for its end (${between} bytes after it)`, () =>
    inScratch('segments', async (directory) => {
      const long = (id: string) => ({ op: 'add', id, data: 'x'.repeat(100_000) });
      const first = await Wal.open(directory, { ...SMALL, lock: 'none' });
      let overtaken = false;
      const append = (file: StorageFile, pieces: readonly Buffer[]) => {
        if (!overtaken) first.appendSync(long('bd-first'));
        const written = file.append(pieces);
        if (!overtaken) file.append([Buffer.from(`${'~'.repeat(between)}\n`)]);
        overtaken = true;
        return written;
      };
      const environment = changedEnvironment({ storage: changedStorage({}, { append }) });
      const second = await Wal.openIn(environment, directory, { ...SMALL, lock: 'none' });
      assert.equal((await second.append(long('bd-second'))).seq, 2);
      assert.equal(overtaken, true);
      const third = await Wal.open(directory, { ...SMALL, lock: 'none' });
      assert.equal((await third.append(long('bd-third'))).seq, 3);
      for (const wal of [first, second, third]) await wal.close();
      assert.deepEqual(
        (await recordsIn(directory)).map(({ id }) => id),
        ['bd-first', 'bd-second', 'bd-third'],
      );
    }));
}

/** A Wal that notes, in order, the files that are made and synced, and the directories whose names are kept. */
async function notingWal(directory: string, options: WalOptions): Promise<{ wal: Wal; done: string[] }> {
  const done: string[] = [];
  const noting = (name: string): FileChanges => ({
    sync: async (file) => {
      await file.sync();
      done.push(`sync ${name}`);
    },
    syncNow: (file) => {
      file.syncNow();
      done.push(`sync ${name}`);
    },
  });
  const storage = changedStorage({
    open: (path, access, mode) => {
      const name = basename(path);
      if (access === 'append' && nodeStorage.look(path) === undefined) done.push(`make ${name}`);
      return changedFile(nodeStorage.open(path, access, mode), noting(name));
    },
    link: (existing, path) => {
      nodeStorage.link(existing, path);
      done.push(`make ${basename(path)}`);
    },
    syncDirectory: (path) => {
      nodeStorage.syncDirectory(path);
      done.push(`keep the names in ${basename(path)}`);
    },
  });
  const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { ...SMALL, ...options });
  return { wal, done };
}

for (const durability of ['sync', 'os'] as const) {
  test(`before a segment is made, the one before it is synced through its seal (durability: ${durability})`, () =>
    inScratch('segments', async (directory) => {
      const { wal, done } = await notingWal(directory, { durability });
      const [first] = segmentsOf(directory) as [string];
      while (!readFileSync(join(directory, first), 'utf8').includes('"entries":[]')) {
        done.length = 0;
        // Another Wal's lines and seal are to be synced like its own.
        const other = await Wal.open(directory, { ...SMALL, durability: 'os' });
        other.appendSync(entry(1));
        await other.close();
      }
      await wal.append(entry(2));
      const [, second] = segmentsOf(directory) as [string, string];
      const made = done.indexOf(`make ${second}`);
      assert.ok(made > 0, done.join(', '));
      assert.ok(done.slice(0, made).includes(`sync ${first}`), done.join(', '));
      await wal.close();
    }));
}

test('the name of each segment is kept before the first acknowledgement in it, and that of the log before any', () =>
  inScratch('segments', async (scratch) => {
    const directory = join(scratch, 'log');
    await fill(directory, 1);
    const { wal, done } = await notingWal(directory, {});
    await wal.append(entry(2));
    for (const each of ['sync wal.json', 'keep the names in log', `keep the names in ${basename(scratch)}`])
      assert.ok(done.includes(each), `${each}: ${done.join(', ')}`);
    while (segmentsOf(directory).length < 3) {
      const { length } = segmentsOf(directory);
      done.length = 0;
      await wal.append(entry(3));
      if (segmentsOf(directory).length === length) continue;
      const made = done.findIndex((each) => each.startsWith('make'));
      const name = segmentsOf(directory).at(-1);
      assert.deepEqual(done.slice(made), [`make ${name}`, `sync ${name}`, 'keep the names in log']);
    }
    await wal.close();
  }));

test('a new log, and all directories made for it, is kept before its first segment is made', () =>
  inScratch('segments', async (scratch) => {
    const { wal, done } = await notingWal(join(scratch, 'outer', 'log'), {});
    await wal.close();
    const { length } = done.slice(0, done.indexOf('make wal.json'));
    assert.match(done[length - 1] as string, /^sync .*tmp$/);
    const [first] = segmentsOf(join(scratch, 'outer', 'log')) as [string];
    const before = done.slice(length, done.indexOf(`make ${first}`));
    for (const name of ['log', 'outer', basename(scratch)])
      assert.ok(before.includes(`keep the names in ${name}`), `${name}: ${done.join(', ')}`);
  }));

test('a log kept in git stays in one segment', () =>
  inScratch('segments', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, git: true });
    for (let n = 1; n <= 50; n++) await wal.append(entry(n));
    await wal.close();
    assert.equal(segmentsOf(directory).length, 1);
  }));

test('a follower goes from segment to segment as they are made, and misses and repeats nothing', () =>
  inScratch('segments', async (directory) => {
    await fill(directory, 5);
    const reader = await Wal.open(directory, { readOnly: true });
    const seen = (async () => {
      const seqs = [];
      for await (const { seq } of reader.follow()) {
        seqs.push(seq);
        if (seq === 80) break;
      }
      return seqs;
    })();
    const wal = await Wal.open(directory, SMALL);
    for (let n = 6; n <= 80; n++) await wal.append(entry(n));
    assert.deepEqual(await seen, upTo(80));
    assert.ok(segmentsOf(directory).length > 5);
    await Promise.all([wal.close(), reader.close()]);
  }));
