import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Head, type LogRecord, lastData, Wal } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { inScratch } from '../support/scratch.ts';

const SMALL = { segmentBytes: 4096, durability: 'os' } as const;
const FIRST = '00000000000000000001.jsonl';
const entry = (n: number) => ({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(200) });

async function inLog(body: (wal: Wal, directory: string) => Promise<void>): Promise<void> {
  await inScratch('cursors', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    try {
      await body(wal, directory);
    } finally {
      await wal.close();
    }
  });
}

const fill = async (wal: Wal, from: number, to: number) => {
  for (let n = from; n <= to; n++) await wal.append(entry(n));
};

/** The records after a cursor, and the code of the error that they end in, if they do. */
async function after(wal: Wal, from: Head | number): Promise<[seqs: number[], code: string | undefined]> {
  const seqs: number[] = [];
  try {
    for await (const { seq } of wal.read({ from })) seqs.push(seq);
  } catch (error) {
    return [seqs, (error as { code: string }).code];
  }
  return [seqs, undefined];
}

test('a cursor whose crc is not the log’s at that seq is refused before a record is delivered, wherever it points', () =>
  inLog(async (wal, directory) => {
    await fill(wal, 1, 30);
    await wal.appendBatch([entry(31), entry(32), entry(33)]);
    await fill(wal, 34, 36);
    const records: LogRecord[] = [];
    for await (const record of wal.read()) records.push(record);
    const isLastOfSegment = ({ seq }: LogRecord) =>
      existsSync(join(directory, `${String(seq + 1).padStart(20, '0')}.jsonl`));
    assert.ok(records.some(isLastOfSegment));
    for (const { seq, crc } of records) {
      const rest = records.slice(seq).map((record) => record.seq);
      assert.deepEqual(await after(wal, { seq, crc }), [rest, undefined], `entry ${seq}`);
      const other = { seq, crc: crc === '00000001' ? '00000002' : '00000001' };
      assert.deepEqual(await after(wal, other), [[], 'ERR_WAL_DIVERGED'], `entry ${seq}`);
    }
  }));

test('of a batch that begins before a range, or ends after it, only what lies in the range is read', () =>
  inLog(async (wal) => {
    await wal.append(entry(1));
    await wal.appendBatch([entry(2), entry(3), entry(4)]);
    await wal.append(entry(5));
    const seqs: number[] = [];
    for await (const { seq } of wal.read({ from: 3, to: 3 })) seqs.push(seq);
    assert.deepEqual(seqs, [3]);
  }));

test('0, and the head of an empty log, lead to the first entry, as long as the log has it', () =>
  inLog(async (wal) => {
    const head = await wal.head();
    assert.deepEqual(head, { seq: 0, crc: '00000000' });
    const beginnings = [head, 0];
    for (const from of beginnings) assert.deepEqual(await after(wal, from), [[], undefined]);
    const followers = beginnings.map((from) => wal.follow({ from }));
    const next = followers.map((follower) => follower.next());
    await fill(wal, 1, 40);
    for (const each of next) assert.equal((await each).value?.seq, 1);
    const all = Array.from({ length: 40 }, (_, i) => i + 1);
    for (const retain of [Infinity, 1]) {
      for (const from of beginnings) {
        assert.deepEqual(await after(wal, from), [all, undefined]);
        const [follower, durable] = [wal.follow({ from }), wal.follow({ from, durable: true })];
        for (const records of [follower, durable]) assert.equal((await records.next()).value?.seq, 1);
      }
      await wal.compact({ fold: lastData, retain });
    }
    for (const from of beginnings) assert.deepEqual(await after(wal, from), [[], 'ERR_WAL_COMPACTED']);
  }));

test('no log has a head without entries that bears another crc', () =>
  inLog(async (wal) => {
    const cursor = { seq: 0, crc: '0badcafe' };
    assert.deepEqual(await after(wal, cursor), [[], 'ERR_WAL_DIVERGED']);
    await fill(wal, 1, 3);
    assert.deepEqual(await after(wal, cursor), [[], 'ERR_WAL_DIVERGED']);
  }));

test('a cursor below the snapshot is refused, to who reads and to who follows, with the entry that the snapshot stands for', () =>
  inLog(async (wal) => {
    await fill(wal, 1, 20);
    const cursor = await wal.head();
    await fill(wal, 21, 40);
    await wal.compact({ fold: lastData, retain: 1 });
    for (const records of [wal.read({ from: cursor }), wal.follow({ from: cursor })])
      await assert.rejects(records.next(), { code: 'ERR_WAL_COMPACTED', seq: 40 });
  }));

test('the head at which a snapshot was made leads on, though its entry is gone; with another crc it does not', () =>
  inLog(async (wal) => {
    await fill(wal, 1, 20);
    await wal.compact({ fold: lastData, retain: 1 });
    const cursor = await wal.head();
    const follower = wal.follow({ from: cursor });
    assert.deepEqual(await after(wal, cursor), [[], undefined]);
    const next = follower.next();
    await fill(wal, 21, 40);
    assert.equal((await next).value?.seq, 21);
    const rest = Array.from({ length: 20 }, (_, i) => 21 + i);
    assert.deepEqual(await after(wal, cursor), [rest, undefined]);
    await wal.compact({ fold: lastData });
    assert.deepEqual(await after(wal, cursor), [rest, undefined]);
    const other = { seq: 20, crc: cursor.crc === '00000001' ? '00000002' : '00000001' };
    assert.deepEqual(await after(wal, other), [[], 'ERR_WAL_COMPACTED']);
    await wal.compact({ fold: lastData, retain: 1 });
    assert.deepEqual(await after(wal, cursor), [[], 'ERR_WAL_COMPACTED']);
  }));

test('the cursor of the last entry before a snapshot leads on, though its entry is gone; one before that does not', () =>
  inLog(async (wal, directory) => {
    await fill(wal, 1, 18);
    const { crc } = await wal.head();
    await wal.appendBatch([entry(19), entry(20)]);
    const cursor = await wal.head();
    const next = wal.follow({ from: cursor }).next();
    await wal.compact({ fold: lastData, retain: 1 });
    assert.deepEqual(await wal.head(), cursor);
    assert.deepEqual(await after(wal, cursor), [[], undefined]);
    assert.deepEqual(await after(wal, { seq: 18, crc }), [[], 'ERR_WAL_COMPACTED']);
    await fill(wal, 21, 30);
    assert.equal((await next).value?.seq, 21);
    const rest = Array.from({ length: 10 }, (_, i) => 21 + i);
    assert.deepEqual(await after(wal, cursor), [rest, undefined]);
    const copy = join(directory, 'backups', 'copy');
    await Wal.restore(directory, copy);
    const restored = await Wal.open(copy, { readOnly: true });
    assert.deepEqual(await after(restored, cursor), [rest, undefined]);
    await restored.close();
    await wal.compact({ fold: lastData, retain: 1 });
    assert.deepEqual(await after(wal, cursor), [[], 'ERR_WAL_COMPACTED']);
  }));

test('a salvaged log’s snapshot leads on from the cursor of its last entry, as the new log has it', () =>
  inLog(async (wal, directory) => {
    await fill(wal, 1, 20);
    await wal.compact({ fold: lastData, retain: Infinity });
    await fill(wal, 21, 25);
    await wal.close();
    for (const [name, id] of [
      [FIRST, 'bd-2'],
      ['00000000000000000021.jsonl', 'bd-23'],
    ] as const) {
      const path = join(directory, name);
      writeFileSync(path, readFileSync(path, 'utf8').replace(`"${id}"`, '"bd-X"'));
    }
    await Wal.repair(directory, { mode: 'salvage' });
    const mended = await Wal.open(directory, SMALL);
    const cursors: Head[] = [];
    for await (const { seq, crc } of mended.read({ from: 20, to: 20 })) cursors.push({ seq, crc });
    for (const name of readdirSync(directory))
      if (/^0.*jsonl$/.test(name) && Number.parseInt(name, 10) <= 20) rmSync(join(directory, name));
    assert.deepEqual(await after(mended, cursors[0] as Head), [[21, 22, 23, 24, 25], undefined]);
    await mended.close();
  }));

test('who reads on from a snapshot that nobody has gone on from gets nothing, though a sleeper’s segment lies beside it', () =>
  inLog(async (wal, directory) => {
    await fill(wal, 1, 20);
    await wal.compact({ fold: lastData, retain: 1 });
    writeFileSync(join(directory, FIRST), '');
    assert.deepEqual(await after(wal, 21), [[], undefined]);
    await fill(wal, 21, 22);
    assert.deepEqual(await after(wal, 21), [[21, 22], undefined]);
  }));

test('an empty segment that is named in the middle of another hides nothing of that one', () =>
  inLog(async (wal, directory) => {
    await fill(wal, 1, 5);
    await wal.compact({ fold: lastData, retain: 10 });
    assert.equal(await wal.oldest(), 1);
    writeFileSync(join(directory, '00000000000000000003.jsonl'), '');
    assert.equal(await wal.oldest(), 1);
  }));

test('a follower that has read to the seal goes on, though its segment is compacted away before there is a next', () =>
  inLog(async (wal, directory) => {
    let isGone = () => {};
    const gone = new Promise<void>((resolve) => {
      isGone = resolve;
    });
    const look = (path: string) => {
      const found = nodeStorage.look(path);
      if (found === undefined && path.endsWith(FIRST)) isGone();
      return found;
    };
    const environment = changedEnvironment({ storage: changedStorage({ look }) });
    const reader = await Wal.openIn(environment, directory, { readOnly: true });
    try {
      await fill(wal, 1, 5);
      const records = reader.follow();
      for (let n = 1; n <= 5; n++) assert.equal((await records.next()).value?.seq, n);
      const next = records.next();
      await wal.compact({ fold: lastData, retain: 1 });
      assert.deepEqual(
        readdirSync(directory).filter((name) => name === FIRST),
        [],
      );
      await Promise.race([gone, next]);
      await fill(wal, 6, 6);
      assert.equal((await next).value?.seq, 6);
    } finally {
      await reader.close();
    }
  }));

test('the head after a compaction is the same to verify, and one to read, follow and append from', () =>
  inLog(async (wal, directory) => {
    await fill(wal, 1, 3);
    await wal.compact({ fold: lastData, retain: 1 });
    await wal.close();
    // Opening makes the next segment, which is empty.
    await (await Wal.open(directory, SMALL)).close();
    const next = await Wal.open(directory, SMALL);
    try {
      const { head, ok } = await next.verify();
      assert.deepEqual([head, ok], [await next.head(), true]);
      assert.notEqual(head.crc, '00000000');
      const { code, stdout } = await run(directory, ['verify', '-C', '.', '--json']);
      assert.deepEqual([code, JSON.parse(stdout).head], [0, head]);
      const doctor = await run(directory, ['doctor', '-C', '.']);
      assert.match(doctor.stdout, new RegExp(`ends with entry 3 \\(crc ${head.crc}\\)`));
      assert.doesNotMatch(doctor.stdout, /no entries yet/);
      assert.deepEqual(await after(next, head), [[], undefined]);
      const { seq } = await next.append(entry(4), { expect: head });
      assert.equal(seq, 4);
      assert.deepEqual(await after(next, head), [[4], undefined]);
      for await (const record of next.follow({ from: head })) {
        assert.equal(record.seq, 4);
        break;
      }
    } finally {
      await next.close();
    }
  }));
