import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.ts';
import { objects, runHere as run } from '../../src/lab/command-line.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';

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
    const told =
      /^jsonl-wal: The entries up to 5 were compacted away: "jsonl-wal state" .*; if it cannot, "jsonl-wal doctor"/;
    assert.match((await run(dir, ['read'])).stderr, told);
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

const SUMS = `export default { name: 'sums', version: 1, apply: (sum = 0, { op }) => sum + (op === 'delete' ? 10 : 1) };\n`;

test('a log that a program folds is compacted, shown and counted with that program’s fold', () =>
  inScratch('cli-fold', async (dir) => {
    await fill(dir);
    writeFileSync(join(dir, 'sums.mjs'), SUMS);
    const told = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(dir, args);
      return { code, out: objects(stdout), stderr };
    };
    // Nobody has named a fold: nothing is called dead, and nothing is compacted.
    const [before] = (await told('stats', '--json')).out;
    assert.deepEqual([before.fold, before.ids, before.bytes.dead], [null, null, null]);
    assert.equal((await told('snapshot')).code, 2);
    assert.match((await run(dir, ['info'])).stdout, /events +may be compacted, once a fold is named\n/);
    const wal = await Wal.open(join(dir, '.beads'), { fold: { name: 'sums', version: 1, apply: () => 1 } });
    await wal.close();
    for (const command of ['compact', 'snapshot']) {
      for (const fold of [[], ['--fold', 'last-data']]) {
        const { code, stderr } = await told(command, ...fold, '--json');
        const [error] = objects(stderr);
        assert.deepEqual([code, error.code], [1, 'ERR_WAL_FOLD'], `${command} ${fold}`);
        assert.match(error.message, /Here that is --fold \.\/module\.js, which exports the fold\.$/);
      }
    }
    assert.deepEqual(
      readdirSync(join(dir, '.beads')).filter((name) => /^snapshot/.test(name)),
      [],
    );
    // Another fold's state can be had while all entries are there, and that is said.
    const other = await told('state', '--json');
    assert.deepEqual([other.code, other.out.map(({ value }) => value.title)], [0, ['ONE', 'two']]);
    assert.match(objects(other.stderr)[0].note, /fold is "sums" version 1.*"last-data"/);
    const own = await told('state', '--fold', './sums.mjs', '--json');
    assert.deepEqual([own.out.map(({ value }) => value), own.stderr], [[2, 1, 11], '']);
    const at = await told('state', '--fold', './sums.mjs', '--at', '3', '--json');
    assert.deepEqual(
      at.out.map(({ value }) => value),
      [1, 1, 1],
    );
    const compacted = await told('compact', '--fold', './sums.mjs', '--retain', '1', '--json');
    assert.deepEqual([compacted.code, compacted.out[0]?.ids], [0, 3], compacted.stderr);
    const [stats] = (await told('stats', '--fold', './sums.mjs', '--json')).out;
    assert.deepEqual([stats.fold, stats.ids], [{ name: 'sums', version: 1 }, 3]);
    const gone = await told('state');
    assert.deepEqual([gone.code, /backups.*ERR_WAL_FOLD/s.test(gone.stderr)], [1, true]);
    // A later version, which the lines name after the snapshot that names this one.
    writeFileSync(join(dir, 'later.mjs'), SUMS.replace('version: 1', 'version: 2, upgrade: (sum) => sum'));
    const later = await told(
      'append',
      '--op',
      'add',
      '--id',
      'z',
      '--expect-rev',
      '0',
      '--fold',
      './later.mjs',
    );
    assert.equal(later.code, 0, later.stderr);
    for (const command of ['info', 'stats'])
      assert.deepEqual((await told(command, '--json')).out[0]?.fold, { name: 'sums', version: 2 }, command);
    writeFileSync(join(dir, 'number.mjs'), 'export default 5;');
    for (const [fold, why] of [
      ['sums', /invalid/],
      ['./none.mjs', /no such file/],
      [join(dir, '.beads', 'wal.json'), /invalid|gives no fold/],
      ['./number.mjs', /number\.mjs gives no fold: export one as default, or by the name fold/],
    ] as const) {
      const { code, stderr } = await told('state', '--fold', fold);
      assert.deepEqual([code, why.test(stderr)], [2, true], stderr);
    }
  }));

test('init --keep-events makes a log that is never compacted, nor called dead', () =>
  inScratch('cli-events', async (dir) => {
    assert.equal((await run(dir, ['init', '--keep-events'])).code, 0);
    await run(dir, ['append', '--op', 'seen', '--id', 'a'], '');
    await run(dir, ['append', '--op', 'seen', '--id', 'a'], '');
    const { code, stderr } = await run(dir, ['compact', '--fold', 'last-data']);
    assert.deepEqual([code, /keepEvents.*ERR_WAL_UNSUPPORTED/.test(stderr)], [1, true]);
    assert.deepEqual(
      readdirSync(join(dir, '.beads')).filter((name) => /^snapshot/.test(name)),
      [],
    );
    const [stats] = objects((await run(dir, ['stats', '--json', '--fold', 'last-data'])).stdout);
    assert.deepEqual([stats.keepEvents, stats.bytes.dead], [true, 0]);
    assert.match((await run(dir, ['init', '--keep-events', '-C', 'other'])).stdout, /made/);
    assert.match((await run(dir, ['info'])).stdout, /events +kept: never compacted/);
  }));
