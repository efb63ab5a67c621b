import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Fold, Wal } from '../src/index.ts';
import { objects, runHere as run } from '../src/lab/command-line.ts';
import { makeLog } from '../src/lab/make-log.ts';
import { inScratch } from '../src/lab/scratch.ts';

/** A log of three ids, one of them deleted: five entries. */
async function fill(dir: string): Promise<void> {
  await makeLog(dir, [
    { op: 'add', id: 'bd-2', data: { title: 'two' }, ts: 1000 },
    { op: 'add', id: 'bd-1', data: { title: 'one' }, ts: 2000 },
    { op: 'add', id: 'bd-3', data: { title: 'three' }, ts: 3000 },
    { op: 'update', id: 'bd-1', data: { title: 'ONE' }, ts: 4000 },
    { op: 'delete', id: 'bd-3', ts: 5000 },
  ]);
}

test('state prints each id with its rev, version and value, by id, as lines or as JSON', () =>
  inScratch('cli-state', async (dir) => {
    await fill(dir);
    const { code, stdout, stderr } = await run(dir, ['state']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      '     4  1970-01-01T00:00:04Z  v2    bd-1       {"title":"ONE"}\n     1  1970-01-01T00:00:01Z  v1    bd-2       {"title":"two"}\n',
    );
    assert.deepEqual(objects((await run(dir, ['state', '--id', 'bd-1', '--id', 'bd-3', '--json'])).stdout), [
      { id: 'bd-1', rev: 4, ts: 4000, value: { title: 'ONE' }, version: 2 },
    ]);
  }));

test('compact leaves the state as it is; read and tail go on from what is left, and say so; info is content', () =>
  inScratch('cli-compact', async (dir) => {
    await fill(dir);
    const unsaid = await run(dir, ['compact']);
    assert.equal(unsaid.code, 2);
    assert.match(unsaid.stderr, /--fold/);
    const before = (await run(dir, ['state', '--json'])).stdout;
    const compacted = await run(dir, ['compact', '--fold', 'last-data', '--retain', '1', '--json']);
    assert.equal(compacted.code, 0, compacted.stderr);
    const [report] = objects(compacted.stdout);
    assert.deepEqual([report.seq, report.made, report.ids], [5, true, 2]);
    assert.ok(report.deleted > 500);
    assert.equal((await run(dir, ['state', '--json'])).stdout, before);
    const info = await run(dir, ['info', '--json']);
    assert.equal(info.code, 0, info.stderr);

    await run(dir, ['append', '--op', 'add', '--id', 'bd-9']);
    const read = await run(dir, ['read', '--json']);
    assert.deepEqual(
      objects(read.stdout).map(({ seq }) => seq),
      [6],
    );
    const [note] = objects(read.stderr);
    assert.deepEqual([note.oldest, /^The entries up to 5 were compacted away/.test(note.note)], [6, true]);
    assert.match((await run(dir, ['read'])).stderr, /^jsonl-wal: The entries up to 5 were compacted away/);
    assert.deepEqual(
      objects((await run(dir, ['tail', '--json'])).stdout).map(({ id }) => id),
      ['bd-9'],
    );
    const from = await run(dir, ['read', '--from', '2']);
    assert.equal(from.code, 1);
    assert.match(from.stderr, /compacted away.*ERR_WAL_COMPACTED/s);
    assert.match((await run(dir, ['verify'])).stdout, /ok: nothing acknowledged is missing/);
    assert.match((await run(dir, ['compact', '--fold', 'last-data'])).stdout, /made, of all up to entry 6/);
    assert.match((await run(dir, ['compact', '--fold', 'last-data'])).stdout, /there already/);
  }));

test('compact and snapshot fold with what they know alone: another fold is refused, and so is a log that a program folds', () =>
  inScratch('cli-fold', async (dir) => {
    await fill(dir);
    for (const command of ['compact', 'snapshot']) {
      const { code, stderr } = await run(dir, [command, '--fold', 'sums']);
      assert.equal(code, 2, command);
      assert.match(stderr, /'sums' is invalid.*last-data/);
    }
    const log = join(dir, '.beads');
    assert.ok(!readdirSync(log).some((name) => name.startsWith('snapshot-')));
    const sums: Fold<number> = { name: 'sums', version: 1, apply: (sum = 0) => sum + 1 };
    const wal = await Wal.open(log);
    await wal.compact({ fold: sums, retain: 1 });
    await wal.close();
    const before = readdirSync(log);
    for (const command of ['compact', 'snapshot']) {
      const { code, stderr } = await run(dir, [command, '--fold', 'last-data', '--json']);
      assert.deepEqual([code, objects(stderr)[0].code], [1, 'ERR_WAL_FOLD'], command);
    }
    assert.deepEqual(
      before.filter((name) => !readdirSync(log).includes(name)),
      [],
    );
  }));
