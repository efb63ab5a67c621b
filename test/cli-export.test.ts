import assert from 'node:assert/strict';
import fs, {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { writeWhole } from '../src/cli/write-file.ts';
import { objects, runHere as run } from '../src/lab/command-line.ts';
import { makeLog } from '../src/lab/make-log.ts';
import { inScratch } from '../src/lab/scratch.ts';

const ISSUES = [
  { id: 'bd-2', title: 'Grüße \u2028', created_at: '2025-10-12T00:43:03.453438-07:00', labels: ['b', 'a'] },
  { id: 'bd-1', title: 'Two\nlines', updated_at: '2025-10-13T00:00:00Z', status: 'open', dependencies: [] },
];
const lines = (issues: readonly object[]) => issues.map((issue) => `${JSON.stringify(issue)}\n`).join('');

test('an export, imported elsewhere and exported again, is the same to the byte', () =>
  inScratch('cli-export', async (dir) => {
    writeFileSync(join(dir, 'issues.jsonl'), lines(ISSUES));
    for (const log of ['one', 'two']) await run(dir, ['init', '-C', log]);
    await run(dir, ['import', '--from', 'beads', 'issues.jsonl', '-C', 'one']);
    const first = await run(dir, ['export', '--to', 'beads', 'first.jsonl', '-C', 'one']);
    assert.deepEqual(first, { code: 0, stdout: '2 issues were exported, as of entry 2\n', stderr: '' });
    const bytes = readFileSync(join(dir, 'first.jsonl'), 'utf8');
    assert.deepEqual(objects(bytes), [ISSUES[1], ISSUES[0]]);
    await run(dir, ['import', '--from', 'beads', 'first.jsonl', '-C', 'two']);
    await run(dir, ['compact', '--fold', 'last-data', '-C', 'two']);
    const { stdout } = await run(dir, ['export', '--to', 'beads', '-', '-C', 'two']);
    assert.equal(stdout, bytes);
  }));

test('an id whose data is no issue is told and left out; with --strict nothing is written', () =>
  inScratch('cli-export', async (dir) => {
    const good = { id: 'bd-1', created_at: '2025-10-13T00:00:00Z' };
    await makeLog(dir, [
      { op: 'add', id: 'bd-1', data: good },
      { op: 'add', id: 'bd-2', data: 'text' },
      { op: 'add', id: 'bd-3\u001b[2J\u202e', data: good },
    ]);
    writeFileSync(join(dir, 'out.jsonl'), 'before');
    const strict = await run(dir, ['export', '--to', 'beads', '--strict', 'out.jsonl']);
    assert.equal(strict.code, 1);
    assert.match(strict.stderr, /2 ids whose data is no issue: nothing was written/);
    assert.equal(readFileSync(join(dir, 'out.jsonl'), 'utf8'), 'before');
    const { code, stdout, stderr } = await run(dir, ['export', '--to', 'beads', 'out.jsonl']);
    assert.deepEqual([code, stdout], [0, '1 issue was exported, as of entry 3; 2 ids left out\n']);
    assert.equal(
      stderr,
      'jsonl-wal: Id "bd-2" (entry 2) is not an object.\njsonl-wal: Id "bd-3\\u001b[2J\\u202e" (entry 3) has data of another id.\n',
    );
    assert.equal(
      readFileSync(join(dir, 'out.jsonl'), 'utf8'),
      lines([{ created_at: good.created_at, id: good.id }]),
    );
    const json = await run(dir, ['export', '--to', 'beads', 'out.jsonl', '--json']);
    assert.deepEqual(objects(json.stdout), [{ exported: 1, skipped: 2, seq: 3 }]);
    assert.deepEqual(
      objects(json.stderr).map(({ id, seq }) => [id, seq]),
      [
        ['bd-2', 2],
        ['bd-3\u001b[2J\u202e', 3],
      ],
    );
  }));

test('an export keeps the mode of the file, follows a link, and says why it cannot write', () =>
  inScratch('cli-export', async (dir) => {
    await makeLog(dir);
    mkdirSync(join(dir, 'real'));
    writeFileSync(join(dir, 'real/out.jsonl'), 'before');
    chmodSync(join(dir, 'real/out.jsonl'), 0o600);
    symlinkSync('real/out.jsonl', join(dir, 'link'));
    assert.equal((await run(dir, ['export', '--to', 'beads', 'link'])).code, 0);
    assert.equal(readFileSync(join(dir, 'real/out.jsonl'), 'utf8'), '');
    assert.equal(statSync(join(dir, 'real/out.jsonl')).mode & 0o777, 0o600);
    for (const [bad, why] of [
      ['real', 'it is a directory'],
      ['none/out.jsonl', '.*'],
    ] as const) {
      const { code, stderr } = await run(dir, ['export', '--to', 'beads', bad]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^jsonl-wal: Cannot write ${bad}: ${why}`));
    }
    assert.deepEqual(readdirSync(dir).sort(), ['.beads', 'link', 'real']);
    assert.deepEqual(readdirSync(join(dir, 'real')), ['out.jsonl']);
  }));

test('a file that is exported to is as it was until the new one is written and synced; what fails before leaves nothing', (t) =>
  inScratch('cli-export', (dir) => {
    const path = join(dir, 'out.jsonl');
    writeFileSync(path, 'before');
    const failing = function* () {
      yield 'half';
      throw new Error('no more');
    };
    assert.throws(() => writeWhole(path, failing()), { code: 'ERR_WAL_IO', message: /no more/ });
    assert.deepEqual([readdirSync(dir), readFileSync(path, 'utf8')], [['out.jsonl'], 'before']);

    const done: string[] = [];
    const { fsyncSync, renameSync } = fs;
    t.mock.method(fs, 'fsyncSync', (file: number) => {
      fsyncSync(file);
      done.push(fs.fstatSync(file).isDirectory() ? 'sync the directory' : 'sync the file');
    });
    t.mock.method(fs, 'renameSync', (from: string, to: string) => {
      assert.equal(readFileSync(from, 'utf8'), 'whole');
      assert.equal(readFileSync(to, 'utf8'), 'before');
      renameSync(from, to);
      done.push(`name ${basename(to)}`);
    });
    syncBuiltinESMExports();
    try {
      writeWhole(path, ['who', 'le']);
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
    assert.deepEqual(done, ['sync the file', 'name out.jsonl', 'sync the directory']);
    assert.equal(readFileSync(path, 'utf8'), 'whole');
  }));
