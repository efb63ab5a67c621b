import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { restoreLog } from '../../src/copy/restore.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { lastData, type RestoreOptions, Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage, systemError } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { inScratch } from '../support/scratch.ts';
import { files, fill, numbered, SEGMENT, SMALL } from '../support/small-log.ts';

const segments = (directory: string) => files(directory, SEGMENT);
const everything = (directory: string) =>
  readdirSync(directory).map((name) => [
    name,
    statSync(join(directory, name)).ino,
    readFileSync(join(directory, name), 'latin1'),
  ]);

async function readerOf<T>(directory: string, body: (wal: Wal) => Promise<T>): Promise<T> {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    return await body(wal);
  } finally {
    await wal.close();
  }
}

const recordsOf = (directory: string) =>
  readerOf(directory, async (wal) => {
    assert.equal((await wal.verify()).error, undefined);
    const records = [];
    for await (const record of wal.read({ from: await wal.oldest() })) records.push(record);
    return records;
  });

const stateOf = (directory: string) => readerOf(directory, async (wal) => (await wal.table()).list());

/** Gives `body` the directory of a log of 100 entries in several segments, closed, and a place to restore to. */
function inLog(body: (log: string, to: string, scratch: string) => Promise<void>): Promise<void> {
  return inScratch('restore', async (scratch) => {
    const log = join(scratch, 'log');
    const wal = await Wal.open(log, SMALL);
    await fill(wal, 100);
    await wal.close();
    await body(log, join(scratch, 'to'), scratch);
  });
}

async function change(log: string, body: (wal: Wal) => Promise<unknown>): Promise<void> {
  const wal = await Wal.open(log, SMALL);
  await body(wal);
  await wal.close();
}

test('a restored log has the same lines under an id of its own, opens, verifies, and goes on; its source is as it was', () =>
  inLog(async (log, to) => {
    const before = everything(log);
    const { id, ...report } = await Wal.restore(log, to);
    assert.deepEqual(report, { directory: to, seq: 100, applied: 100, skipped: 0, failed: [], missing: [] });
    assert.deepEqual(everything(log), before);
    for (const name of segments(log)) {
      assert.deepEqual(readFileSync(join(to, name)), readFileSync(join(log, name)));
      assert.notEqual(statSync(join(to, name)).ino, statSync(join(log, name)).ino);
    }
    await readerOf(log, async (source) => assert.notEqual(source.info().id, id));
    await change(to, async (wal) => {
      assert.equal(wal.info().id, id);
      assert.equal((await wal.append(numbered(101))).seq, 101);
      await wal.compact({ fold: lastData });
    });
    assert.equal((await recordsOf(log)).length, 100);
    assert.equal((await stateOf(to)).length, 10);
  }));

test('a log is restored up to any entry, in the middle of a segment and at its end', () =>
  inLog(async (log, to, scratch) => {
    const all = await recordsOf(log);
    const sealed = Number(segments(log).at(1)?.slice(0, 20)) - 1;
    for (const toSeq of [0, 1, sealed - 1, sealed, sealed + 1, 99, 100]) {
      const { seq, applied, skipped } = await Wal.restore(log, `${to}-${toSeq}`, { toSeq });
      assert.deepEqual([seq, applied, skipped], [toSeq, toSeq, 100 - toSeq]);
      assert.deepEqual(await recordsOf(`${to}-${toSeq}`), all.slice(0, toSeq));
      await change(`${to}-${toSeq}`, async (wal) =>
        assert.equal((await wal.append(numbered(0))).seq, toSeq + 1),
      );
      assert.equal((await recordsOf(`${to}-${toSeq}`)).length, toSeq + 1);
    }
    await assert.rejects(Wal.restore(log, to, { toSeq: 101 }), {
      code: 'ERR_WAL_ARGUMENT',
      message: /from 0 to 100/,
    });
    assert.equal(readdirSync(scratch).length, 8);
  }));

test('snapshots are restored under the new id, so far as they stand for what is restored', () =>
  inLog(async (log, to) => {
    await change(log, async (wal) => {
      await wal.compact({ fold: lastData, retain: 10 });
      await fill(wal, 20, 101);
      await wal.compact({ fold: lastData, retain: 2 });
      await fill(wal, 20, 121);
      await wal.compact({ fold: lastData, retain: 2 });
      await fill(wal, 5, 141);
    });
    const snapshots = (directory: string) =>
      readdirSync(directory).filter((name) => name.startsWith('snapshot'));
    assert.deepEqual(
      snapshots(log).map((name) => Number(name.slice(9, 29))),
      [120, 140],
    );
    await assert.rejects(Wal.restore(log, to, { toSeq: 119 }), {
      code: 'ERR_WAL_COMPACTED',
      seq: 120,
      message: /from 120 to 145/,
    });
    for (const [toSeq, kept, applied] of [
      [120, 1, 0],
      [130, 1, 10],
      [140, 2, 20],
      [145, 2, 25],
    ] as const) {
      const copy = `${to}-${toSeq}`;
      const report = await Wal.restore(log, copy, { toSeq });
      assert.deepEqual(
        [report.applied, report.skipped, snapshots(copy).length],
        [applied, 25 - applied, kept],
      );
      assert.equal((await recordsOf(copy)).length, applied);
      const state = await stateOf(copy);
      assert.deepEqual([state.length, Math.max(...state.map(({ rev }) => rev))], [10, toSeq]);
      await change(copy, async (wal) => {
        await fill(wal, 5, toSeq + 1);
        await wal.compact({ fold: lastData, retain: 1 });
      });
      assert.equal((await stateOf(copy)).length, 10);
    }
    assert.deepEqual(await stateOf(`${to}-145`).then((items) => items.length), 10);
  }));

test('a batch is restored whole or not at all', () =>
  inLog(async (log, to) => {
    await change(log, (wal) => wal.appendBatch([numbered(101), numbered(102), numbered(103)]));
    for (const toSeq of [101, 102]) {
      const facts = { code: 'ERR_WAL_ARGUMENT', message: /batch, entries 101 to 103.*name 100 or 103/ };
      await assert.rejects(Wal.restore(log, to, { toSeq }), facts);
    }
    assert.equal((await Wal.restore(log, `${to}-1`, { toSeq: 100 })).applied, 100);
    assert.equal((await Wal.restore(log, `${to}-2`, { toSeq: 103 })).applied, 103);
  }));

/** Flips a bit in the line of an entry. */
function damage(log: string, seq: number): { segment: string; offset: number } {
  const segment = segments(log).findLast((name) => Number(name.slice(0, 20)) <= seq) as string;
  const bytes = readFileSync(join(log, segment));
  const at = bytes.indexOf(`"seq":${seq},`);
  bytes[at - 30] = (bytes[at - 30] as number) ^ 1;
  writeFileSync(join(log, segment), bytes);
  return { segment, offset: bytes.lastIndexOf('\n', at) + 1 };
}

for (const [where, seq] of [
  ['in the last segment', 98],
  ['in an earlier one', 40],
] as const) {
  test(`a log damaged ${where} is refused, but restored up to the damage where that is asked for, and told where it lies`, () =>
    inLog(async (log, to, scratch) => {
      const place = damage(log, seq);
      const range = new RegExp(`any entry from 0 to ${seq - 1}`);
      for (const toSeq of [undefined, seq, 100]) {
        await assert.rejects(Wal.restore(log, to, { toSeq }), { code: 'ERR_WAL_CORRUPT', message: range });
      }
      assert.deepEqual(readdirSync(scratch), ['log']);
      for (const options of [{ onDamage: 'cut' }, { toSeq: seq - 1 }] satisfies RestoreOptions[]) {
        const { failed, ...report } = await Wal.restore(log, to, options);
        assert.deepEqual([report.seq, report.applied], [seq - 1, seq - 1]);
        const [first, ...others] = failed;
        assert.deepEqual(
          [first?.segment, first?.offset, first?.verdict],
          [place.segment, place.offset, 'damaged'],
        );
        assert.deepEqual(new Set(others.map(({ verdict }) => verdict)), new Set(['stranded']));
        assert.equal((await recordsOf(to)).length, seq - 1);
        rmSync(to, { recursive: true });
      }
    }));
}

test('a missing segment, and one of another log, are damage like any other', () =>
  inLog(async (log, to, scratch) => {
    const names = segments(log);
    const [, , third, fourth] = names as [string, string, string, string];
    const upTo = Number(third.slice(0, 20)) - 1;
    const other = join(scratch, 'other');
    cpSync(log, other, { recursive: true });
    rmSync(join(other, third));
    await assert.rejects(Wal.restore(other, to), { code: 'ERR_WAL_DIVERGED' });
    assert.equal((await Wal.restore(other, `${to}-1`, { onDamage: 'cut' })).seq, upTo);
    // Another history of the same numbers.
    const foreign = join(scratch, 'foreign');
    await change(foreign, (wal) => fill(wal, 100));
    assert.deepEqual(segments(foreign).slice(0, 4), names.slice(0, 4));
    cpSync(join(foreign, third), join(other, third));
    const { error } = await readerOf(other, (wal) => wal.verify());
    assert.deepEqual([error?.code, error?.segment], ['ERR_WAL_DIVERGED', third]);
    await assert.rejects(Wal.restore(other, to), { code: 'ERR_WAL_DIVERGED', segment: third });
    assert.equal((await Wal.restore(other, `${to}-2`, { onDamage: 'cut' })).seq, upTo);
    assert.equal((await Wal.restore(other, `${to}-3`, { toSeq: upTo })).applied, upTo);
    assert.equal((await recordsOf(`${to}-3`)).length, upTo);
    assert.ok(Number(fourth.slice(0, 20)) > upTo);
  }));

test('a line that counts and is not JSON is damage like any other', () =>
  inLog(async (log, to) => {
    const { crc: prev } = await readerOf(log, (wal) => wal.head());
    const line = Buffer.alloc(1000);
    const place = { prev, seq: 101, synced: 0, ts: 0, writer: 'aaaaaaaa.1', crc: '' };
    const end = writeLine(line, 0, '"data":{,"id":"bd-1","op":"add"', place);
    appendFileSync(join(log, segments(log).at(-1) as string), line.subarray(0, end));
    await assert.rejects(Wal.restore(log, to), { code: 'ERR_WAL_CORRUPT', seq: 101 });
    const { seq, failed } = await Wal.restore(log, to, { onDamage: 'cut' });
    assert.deepEqual([seq, failed.map(({ verdict }) => verdict)], [100, ['unreadable']]);
    assert.equal((await recordsOf(to)).length, 100);
  }));

test('what does not count is left out: torn, superseded, and damaged lines that harm nothing', () =>
  inLog(async (log, to) => {
    const last = segments(log).at(-1) as string;
    const whole = readFileSync(join(log, last), 'utf8');
    const [first] = whole.split('\n');
    appendFileSync(join(log, last), `${first}\n{"crc":"0000`);
    const { failed, applied } = await Wal.restore(log, to);
    assert.deepEqual([failed, applied], [[], 100]);
    assert.equal(readFileSync(join(to, last), 'utf8'), whole);
  }));

test('a damaged snapshot is left out where another leads on, and else there is no state to restore', () =>
  inLog(async (log, to) => {
    await change(log, async (wal) => {
      await wal.compact({ fold: lastData, retain: 1 });
      await fill(wal, 10, 101);
      await wal.compact({ fold: lastData, retain: 2 });
    });
    const [older, newer] = readdirSync(log).filter((name) => name.startsWith('snapshot')) as [string, string];
    const spoil = (name: string) => {
      const bytes = readFileSync(join(log, name));
      bytes[bytes.length - 10] = (bytes.at(-10) as number) ^ 1;
      writeFileSync(join(log, name), bytes);
    };
    spoil(newer);
    const { failed, seq } = await Wal.restore(log, to);
    assert.deepEqual([failed, seq], [[{ verdict: 'damaged', segment: newer }], 110]);
    assert.deepEqual(await stateOf(to), await stateOf(log));
    spoil(older);
    await assert.rejects(Wal.restore(log, `${to}-2`), {
      code: 'ERR_WAL_CORRUPT',
      message:
        /snapshot-0+110.jsonl in .* is damaged, and nothing replaces it: the state of entries 1 to 100/,
    });
  }));

test('what is restored is permitted to no more people than its source was', () =>
  inScratch('restore', async (scratch) => {
    const [log, to] = [join(scratch, 'log'), join(scratch, 'to')];
    const wal = await Wal.open(log, { ...SMALL, fileMode: 0o600, directoryMode: 0o700 });
    await fill(wal, 40);
    await wal.compact({ fold: lastData, retain: 10 });
    await wal.close();
    await Wal.restore(log, to);
    const names = readdirSync(to);
    assert.ok(names.some((name) => name.startsWith('snapshot')) && segments(to).length > 0);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    assert.deepEqual(
      names.map((name) => [name, mode(join(to, name))]),
      names.map((name) => [name, '600']),
    );
    assert.equal(mode(to), '700');
  }));

test('an abort is heard for a small log too, before anything is made and at the very end', () =>
  inScratch('restore', async (scratch) => {
    const [log, to] = [join(scratch, 'log'), join(scratch, 'to')];
    const wal = await Wal.open(log);
    await fill(wal, 1);
    await wal.close();
    await assert.rejects(Wal.restore(log, to, { signal: AbortSignal.abort() }), { code: 'ERR_WAL_ABORTED' });
    const controller = new AbortController();
    const storage = changedStorage({
      open: (path, access, mode) => {
        if (access === 'create') controller.abort();
        return nodeStorage.open(path, access, mode);
      },
    });
    const late = restoreLog(changedEnvironment({ storage }), log, to, { signal: controller.signal });
    await assert.rejects(late, { code: 'ERR_WAL_ABORTED' });
    assert.deepEqual(readdirSync(scratch), ['log']);
  }));

test('the destination must be free; a disk that fills, or an abort, leaves nothing behind', () =>
  inLog(async (log, to, scratch) => {
    mkdirSync(to);
    writeFileSync(join(to, 'mine'), '');
    await assert.rejects(Wal.restore(log, to), { code: 'ERR_WAL_EXISTS' });
    await assert.rejects(Wal.restore(log, log), { code: 'ERR_WAL_ARGUMENT' });
    await assert.rejects(Wal.restore(log, join(log, 'sub', 'new')), {
      code: 'ERR_WAL_ARGUMENT',
      message: /inside the log itself/,
    });
    await assert.rejects(Wal.restore(join(scratch, 'none'), join(scratch, 'new')), {
      code: 'ERR_WAL_NOT_FOUND',
    });
    await assert.rejects(Wal.restore(log, join(scratch, 'new'), { signal: AbortSignal.abort() }), {
      code: 'ERR_WAL_ABORTED',
    });
    let written = 0;
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          if (++written === 3) throw systemError('ENOSPC');
          return file.append(pieces);
        },
      },
    );
    const full = restoreLog(changedEnvironment({ storage }), log, join(scratch, 'a', 'new'));
    await assert.rejects(full, { code: 'ERR_WAL_NO_SPACE' });
    assert.deepEqual(readdirSync(scratch).sort(), ['log', 'to']);
  }));

test('a log that is compacted while it is restored is restored at the next try', () =>
  inLog(async (log, to) => {
    let opened = 0;
    const open = await Wal.open(log, SMALL);
    await open.compact({ fold: lastData, retain: 10 });
    await fill(open, 30, 101);
    const compacted = new Set<string>();
    const storage = changedStorage({
      open: (path, access, mode) => {
        // As another process's compaction does, in the middle of the first reading: the new snapshot, and then the deleting.
        if (path.startsWith(log) && SEGMENT.test(path.slice(-26)) && ++opened === 4) {
          for (const [name, bytes] of later) writeFileSync(join(log, name), bytes);
          for (const name of segments(log)) if (!compacted.has(name)) rmSync(join(log, name));
        }
        return nodeStorage.open(path, access, mode);
      },
    });
    const copy = `${to}-later`;
    await open.backup(copy, { link: false });
    const ahead = await Wal.open(copy, SMALL);
    await ahead.compact({ fold: lastData, retain: 1 });
    await ahead.close();
    const later = readdirSync(copy)
      .filter((name) => name.startsWith('snapshot'))
      .map((name) => [name, readFileSync(join(copy, name))] as const);
    await open.close();
    const { seq, applied } = await restoreLog(changedEnvironment({ storage }), log, to);
    assert.deepEqual([seq, applied, later.length], [130, 0, 1]);
    assert.deepEqual(await stateOf(to), await stateOf(log));
  }));
