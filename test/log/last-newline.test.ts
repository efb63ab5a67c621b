import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { segmentName, segmentSeq } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { inScratch } from '../support/scratch.ts';

/** A log of three entries; `strip` takes its last newline, as an editor may. */
async function withLog(
  name: string,
  body: (directory: string, path: string) => Promise<void>,
  { strip = true } = {},
): Promise<void> {
  await inScratch(name, async (directory) => {
    const log = join(directory, 'log');
    const wal = await Wal.open(log);
    for (const n of [1, 2, 3]) await wal.append({ op: 'add', id: `bd-${n}`, key: `k${n}`, data: { n } });
    await wal.close();
    const path = join(log, segmentName(1));
    if (strip) stripNewline(path);
    await body(log, path);
  });
}

function stripNewline(path: string): void {
  const bytes = readFileSync(path);
  assert.equal(bytes.at(-1), 0x0a);
  truncateSync(path, bytes.length - 1);
}

async function idsIn(directory: string): Promise<string[]> {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    const ids: string[] = [];
    for await (const { id } of wal.read()) ids.push(id);
    return ids;
  } finally {
    await wal.close();
  }
}

test('a last line that lost its newline is taken in by the next append', () =>
  withLog('stripped', async (directory) => {
    const wal = await Wal.open(directory);
    assert.equal((await wal.append({ op: 'add', id: 'next' })).seq, 4);
    const report = await wal.verify();
    assert.deepEqual([report.ok, report.entries, report.odd, report.pending], [true, 4, [], undefined]);
    await wal.close();
    assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2', 'bd-3', 'next']);
  }));

test('until then readers leave the line alone, and verify names its entry and stays ok', () =>
  withLog('readers', async (directory, path) => {
    const before = readFileSync(path);
    const wal = await Wal.open(directory, { readOnly: true });
    const { ok, head, pending, odd } = await wal.verify();
    assert.deepEqual([ok, head.seq, pending], [true, 2, 3]);
    assert.deepEqual(
      odd.map(({ verdict, seq }) => [verdict, seq]),
      [['pending', 3]],
    );
    await wal.close();
    assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2']);
    assert.ok(readFileSync(path).equals(before));
  }));

test('the first decision after it is taken on the line that lost its newline', () =>
  withLog('decisions', async (directory, path) => {
    const wal = await Wal.open(directory);
    const table = await wal.table<{ n: number }>();
    const { ids } = await table.transaction((tx) => ({ ids: tx.list().map(({ id }) => id) }));
    assert.deepEqual(ids, ['bd-1', 'bd-2', 'bd-3']);
    stripNewline(path);
    const again = await wal.append({ op: 'add', id: 'bd-3', key: 'k3', data: { n: 3 } });
    assert.deepEqual([again.seq, again.duplicate], [3, true]);
    stripNewline(path);
    const conflict = { code: 'ERR_WAL_CONFLICT', seq: 3 };
    await assert.rejects(wal.append({ op: 'add', id: 'x' }, { expect: { seq: 2 } }), conflict);
    await wal.close();
    assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2', 'bd-3']);
  }));

test('a newline that is taken under an open Wal costs nothing: no append, no number', () =>
  withLog(
    'under-open',
    async (directory, path) => {
      const wal = await Wal.open(directory);
      await wal.append({ op: 'add', id: 'bd-4' });
      stripNewline(path);
      assert.equal((await wal.append({ op: 'add', id: 'bd-5' })).seq, 5);
      stripNewline(path);
      assert.equal(wal.appendSync({ op: 'add', id: 'bd-6' }).seq, 6);
      await wal.close();
      assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2', 'bd-3', 'bd-4', 'bd-5', 'bd-6']);
    },
    { strip: false },
  ));

for (const way of ['append', 'appendSync'] as const) {
  test(`a newline that is taken while an ${way} is synced is there again when it is acknowledged`, () =>
    inScratch('under-sync', async (directory) => {
      const path = join(directory, segmentName(1));
      let isDue = false;
      const strip = () => {
        if (isDue) stripNewline(path);
        isDue = false;
      };
      const storage = changedStorage(
        {},
        {
          sync: (file) => file.sync().then(strip),
          syncNow: (file) => {
            file.syncNow();
            strip();
          },
        },
      );
      const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
      for (const seq of [1, 2, 3]) {
        isDue = true;
        assert.equal((await wal[way]({ op: 'add', id: `bd-${seq}` })).seq, seq);
        assert.equal(isDue, false);
        assert.equal(readFileSync(path).at(-1), 0x0a);
      }
      await wal.close();
      assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2', 'bd-3']);
    }));
}

test('a log whose only line is a batch without its newline goes on after the batch', () =>
  inScratch('batch', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.appendBatch([
      { op: 'add', id: 'a' },
      { op: 'add', id: 'b' },
    ]);
    await wal.close();
    stripNewline(join(directory, segmentName(1)));
    const again = await Wal.open(directory);
    assert.equal((await again.append({ op: 'add', id: 'c' })).seq, 3);
    await again.close();
    assert.deepEqual(await idsIn(directory), ['a', 'b', 'c']);
  }));

for (const isNextThere of [true, false]) {
  test(`segments that lost their last newline lead on; the next ${isNextThere ? 'is' : 'was not'} made yet`, () =>
    inScratch('seals', async (directory) => {
      const wal = await Wal.open(directory, { segmentBytes: 4096 });
      let seq = 0;
      do seq = (await wal.append({ op: 'add', id: 'x', data: 'x'.repeat(500) })).seq;
      while (segmentsIn(directory).length < 3);
      await wal.close();
      const segments = segmentsIn(directory);
      // The last holds one line only.
      const last = segments.pop() as string;
      if (!isNextThere) nodeStorage.remove(join(directory, last));
      for (const name of segments) stripNewline(join(directory, name));
      const left = isNextThere ? seq : seq - 1;
      const reader = await Wal.open(directory, { readOnly: true });
      assert.equal((await reader.verify()).ok, true);
      await reader.close();
      assert.equal((await idsIn(directory)).length, left);
      const again = await Wal.open(directory);
      assert.equal((await again.append({ op: 'add', id: 'next' })).seq, left + 1);
      assert.equal((await again.verify()).ok, true);
      await again.close();
      assert.equal((await idsIn(directory)).length, left + 1);
    }));
}

function segmentsIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => segmentSeq(name) !== undefined)
    .sort();
}

test('two writers without a lock that both end the line leave an empty one: both append once', () =>
  withLog('both', async (directory, path) => {
    let meanwhile: (() => void) | undefined;
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          meanwhile?.();
          return file.append(pieces);
        },
      },
    );
    const options = { lock: 'none' } as const;
    const other = await Wal.open(directory, options);
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, options);
    meanwhile = () => {
      meanwhile = undefined;
      other.appendSync({ op: 'add', id: 'other' });
    };
    await wal.append({ op: 'add', id: 'mine' });
    assert.equal((await wal.verify()).ok, true);
    await Promise.all([wal.close(), other.close()]);
    assert.match(readFileSync(path, 'utf8'), /\n\n/);
    assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2', 'bd-3', 'other', 'mine']);
  }));

test('a disk that has no room for the newline rejects the append as not written', () =>
  withLog('full', async (directory, path) => {
    let isFull = true;
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          if (!isFull) return file.append(pieces);
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        },
      },
    );
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    const before = readFileSync(path);
    const refused = { code: 'ERR_WAL_NO_SPACE', outcome: 'not-written' };
    await assert.rejects(wal.append({ op: 'add', id: 'x' }), refused);
    assert.ok(readFileSync(path).equals(before));
    isFull = false;
    assert.equal((await wal.append({ op: 'add', id: 'y' })).seq, 4);
    await wal.close();
  }));

test('a backup, a restored log and a salvaged one keep the entry that lacks its newline', () =>
  withLog('copies', async (directory) => {
    const all = ['bd-1', 'bd-2', 'bd-3'];
    const wal = await Wal.open(directory, { readOnly: true });
    const backup = join(directory, 'backups', 'one');
    assert.equal((await wal.backup(backup)).seq, 3);
    await wal.close();
    const restored = join(directory, '..', 'restored');
    const { seq, applied, skipped } = await Wal.restore(backup, restored);
    assert.deepEqual([seq, applied, skipped], [3, 3, 0]);
    assert.deepEqual(await idsIn(restored), all);
    assert.equal((await Wal.restore(backup, `${restored}-at-3`, { toSeq: 3 })).seq, 3);
    assert.equal((await Wal.restore(directory, `${restored}-too`)).skipped, 0);
    nodeStorage.remove(join(directory, 'wal.json'));
    const { lost, entries } = await Wal.repair(directory, { mode: 'salvage' });
    assert.deepEqual([lost, entries], [[], 3]);
    assert.deepEqual(await idsIn(directory), all);
  }));

test('a line that lacks its newline settles a damaged one before it, as a whole one does', () =>
  withLog('settles', async (directory, path) => {
    const bytes = readFileSync(path);
    const last = bytes.lastIndexOf('\n') + 1;
    writeFileSync(
      path,
      Buffer.concat([bytes.subarray(0, last), Buffer.from('typed\n'), bytes.subarray(last)]),
    );
    const wal = await Wal.open(directory);
    assert.equal((await wal.append({ op: 'add', id: 'next' })).seq, 4);
    assert.equal((await wal.verify()).ok, true);
    await wal.close();
  }));

test('an unterminated line that does not follow the last one is buried, and its number given', () =>
  withLog('buried', async (directory, path) => {
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, `${lines[0]}\n${lines[2]}`);
    const wal = await Wal.open(directory);
    assert.equal((await wal.append({ op: 'add', id: 'next' })).seq, 2);
    await wal.close();
    assert.ok(readFileSync(path, 'utf8').includes(`${lines[2]}~\n`));
  }));

for (const { name, change } of [
  { name: 'all newlines', change: (text: string) => text.replaceAll('\n', '') },
  { name: 'all newlines for spaces', change: (text: string) => text.replaceAll('\n', ' ') },
  { name: 'the last two newlines', change: (text: string) => text.replace(/\n(.*)\n$/, '$1') },
  {
    name: 'the last two newlines and half a line',
    change: (text: string) => text.replace(/\n(.{40}).*\n$/, '$1'),
  },
]) {
  test(`a log that lost ${name} is appended to only once a salvage has brought its lines back`, () =>
    withLog(
      'no-newlines',
      async (directory, path) => {
        const wal = await Wal.open(directory);
        const before = readFileSync(path, 'utf8');
        writeFileSync(path, change(before));
        const damaged = { code: 'ERR_WAL_CORRUPT', cause: 'missing-newlines' };
        const refused = { code: 'ERR_WAL_CORRUPT', outcome: 'not-written', message: /lost the newlines/ };
        await assert.rejects(wal.append({ op: 'add', id: 'next' }), refused);
        await wal.close();
        await assert.rejects(Wal.open(directory), damaged);
        await assert.rejects(idsIn(directory), damaged);
        await assert.rejects(Wal.repair(directory, { mode: 'tail' }), { code: 'ERR_WAL_CORRUPT' });
        assert.equal(readFileSync(path, 'utf8'), change(before));
        const { entries, reasons } = await Wal.repair(directory, { mode: 'salvage' });
        assert.match(reasons.join(), /lost the newlines/);
        const left = name.endsWith('line') ? 2 : 3;
        assert.equal(entries, left);
        assert.ok(readFileSync(path, 'utf8').startsWith(before.split('\n').slice(0, left).join('\n')));
        assert.equal((await idsIn(directory)).filter((id) => id.startsWith('bd')).length, left);
      },
      { strip: false },
    ));
}

test('empty lines anywhere in a log are passed over: it is read, appended to and verified', () =>
  withLog(
    'empty-lines',
    async (directory, path) => {
      writeFileSync(path, `\n\n${readFileSync(path, 'utf8').replaceAll('\n', '\n\n\n')}`);
      const wal = await Wal.open(directory);
      const { ok, odd, damage } = await wal.verify();
      assert.deepEqual([ok, odd, damage], [true, [], []]);
      await wal.append({ op: 'add', id: 'bd-4' });
      appendFileSync(path, '\n');
      await wal.append({ op: 'add', id: 'bd-5' });
      await wal.close();
      assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2', 'bd-3', 'bd-4', 'bd-5']);
    },
    { strip: false },
  ));
