import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { objects, run } from '../src/lab/command-line.ts';
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
    await run(dir, ['init']);
    const good = { id: 'bd-1', created_at: '2025-10-13T00:00:00Z' };
    const entries = [
      { op: 'add', id: 'bd-1', data: good },
      { op: 'add', id: 'bd-2', data: 'text' },
      { op: 'add', id: 'bd-3\u001b[2J', data: good },
    ];
    await run(dir, ['append'], lines(entries));
    writeFileSync(join(dir, 'out.jsonl'), 'before');
    const strict = await run(dir, ['export', '--to', 'beads', '--strict', 'out.jsonl']);
    assert.equal(strict.code, 1);
    assert.match(strict.stderr, /2 ids whose data is no issue: nothing was written/);
    assert.equal(readFileSync(join(dir, 'out.jsonl'), 'utf8'), 'before');
    const { code, stdout, stderr } = await run(dir, ['export', '--to', 'beads', 'out.jsonl']);
    assert.deepEqual([code, stdout], [0, '1 issue was exported, as of entry 3; 2 ids left out\n']);
    assert.equal(
      stderr,
      'jsonl-wal: Id "bd-2" (entry 2) is not an object.\njsonl-wal: Id "bd-3\\u001b[2J" (entry 3) has data of another id.\n',
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
        ['bd-3\u001b[2J', 3],
      ],
    );
  }));

test('an export keeps the mode of the file, follows a link, and leaves no temporary file when it fails', () =>
  inScratch('cli-export', async (dir) => {
    await run(dir, ['init']);
    mkdirSync(join(dir, 'real'));
    writeFileSync(join(dir, 'real/out.jsonl'), 'before');
    chmodSync(join(dir, 'real/out.jsonl'), 0o600);
    symlinkSync('real/out.jsonl', join(dir, 'link'));
    assert.equal((await run(dir, ['export', '--to', 'beads', 'link'])).code, 0);
    assert.equal(readFileSync(join(dir, 'real/out.jsonl'), 'utf8'), '');
    assert.equal(statSync(join(dir, 'real/out.jsonl')).mode & 0o777, 0o600);
    for (const bad of ['real', 'none/out.jsonl']) {
      const { code, stderr } = await run(dir, ['export', '--to', 'beads', bad]);
      assert.equal(code, 1);
      assert.match(stderr, /^jsonl-wal: Cannot write /);
    }
    assert.deepEqual(readdirSync(dir).sort(), ['.beads', 'link', 'real']);
    assert.deepEqual(readdirSync(join(dir, 'real')), ['out.jsonl']);
  }));
