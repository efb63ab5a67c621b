import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { recordsIn } from '../src/lab/audit.ts';
import { objects, runHere as run } from '../src/lab/command-line.ts';
import { makeLog } from '../src/lab/make-log.ts';
import { inScratch } from '../src/lab/scratch.ts';

const ISSUES = [
  {
    id: 'bd-1',
    title: 'Add export',
    status: 'open',
    created_at: '2025-10-12T00:43:03.453438-07:00',
    updated_at: '2025-10-13T00:00:00Z',
  },
  { id: 'bd-2', title: 'Grüße', updated_at: '2025-10-13T00:00:00Z' },
];
const LINES = ISSUES.map((issue) => `${JSON.stringify(issue)}\n`).join('');
const IMPORT = ['import', '--from', 'beads'];

test('import appends one add an issue, at its own time, and again only what changed', () =>
  inScratch('cli-import', async (dir) => {
    await makeLog(dir);
    writeFileSync(join(dir, 'issues.jsonl'), LINES);
    const { code, stdout } = await run(dir, [...IMPORT, 'issues.jsonl']);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '2 entries were appended, seq 1 to 2\n' });
    assert.deepEqual(
      (await recordsIn(join(dir, '.beads'))).map(({ op, id, ts, data }) => ({ op, id, ts, data })),
      [
        { op: 'add', id: 'bd-1', ts: Date.parse('2025-10-12T07:43:03.453Z'), data: ISSUES[0] },
        { op: 'add', id: 'bd-2', ts: Date.parse('2025-10-13T00:00:00Z'), data: ISSUES[1] },
      ],
    );
    writeFileSync(join(dir, 'issues.jsonl'), LINES.replace('"open"', '"closed"'));
    const [again] = objects((await run(dir, [...IMPORT, 'issues.jsonl', '--json'])).stdout);
    assert.deepEqual(again, { appended: 1, duplicates: 1, skipped: 0 });
    assert.deepEqual((await recordsIn(join(dir, '.beads'))).at(-1)?.data, { ...ISSUES[0], status: 'closed' });
  }));

test('import reads a gzipped file, and says where one is cut', () =>
  inScratch('cli-import-gz', async (dir) => {
    await makeLog(dir);
    const gzipped = gzipSync(LINES);
    writeFileSync(join(dir, 'issues.jsonl.gz'), gzipped);
    assert.equal((await run(dir, [...IMPORT, 'issues.jsonl.gz'])).code, 0);
    assert.equal((await recordsIn(join(dir, '.beads'))).length, 2);
    writeFileSync(join(dir, 'cut.jsonl.gz'), gzipped.subarray(0, gzipped.length / 2));
    const cut = await run(dir, [...IMPORT, 'cut.jsonl.gz']);
    assert.equal(cut.code, 1);
    assert.match(
      cut.stderr,
      /^jsonl-wal: Cannot read cut\.jsonl\.gz: unexpected end of file\. Nothing was appended/,
    );
    const none = await run(dir, [...IMPORT, 'none.jsonl']);
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /Cannot read none\.jsonl: ENOENT[^[]*\. Nothing was appended\. \[ERR_WAL_NOT_FOUND\]\n$/,
    );
    const neither = await run(dir, [...IMPORT, 'none.jsonl', '-C', 'nowhere']);
    assert.equal(neither.code, 1);
    assert.match(neither.stderr, /^jsonl-wal: There is no log in .*\[ERR_WAL_NOT_FOUND\]\n$/);
  }));

test('bad lines are told by their numbers and skipped; with --strict nothing is imported', () =>
  inScratch('cli-import-bad', async (dir) => {
    await makeLog(dir);
    const bad = ['<<<<<<< HEAD', '[]', '{"title":"x"}', '{"id":"bd-9"}', '{"id":"bd-9","created_at":"soon"}'];
    const [first, second] = LINES.split('\n');
    writeFileSync(join(dir, 'issues.jsonl'), [first, ...bad, '', second].join('\n'));
    const strict = await run(dir, [...IMPORT, '--strict', 'issues.jsonl']);
    assert.equal(strict.code, 1);
    assert.match(strict.stderr, /^jsonl-wal: .*5 bad lines.*nothing was imported/m);
    assert.equal(readFileSync(join(dir, '.beads/00000000000000000001.jsonl'), 'utf8'), '');

    const { code, stdout, stderr } = await run(dir, [...IMPORT, 'issues.jsonl']);
    assert.equal(code, 0);
    assert.equal(stdout, '2 entries were appended, seq 1 to 2; 5 bad lines skipped\n');
    const told = stderr.split('\n');
    assert.match(told[0] ?? '', /^jsonl-wal: Line 2 is not JSON: /);
    assert.deepEqual(told.slice(1), [
      'jsonl-wal: Line 3 is not an object.',
      'jsonl-wal: Line 4 has no id.',
      'jsonl-wal: Line 5 has neither created_at nor updated_at that is a time.',
      'jsonl-wal: Line 6 has neither created_at nor updated_at that is a time.',
      '',
    ]);
    assert.equal((await run(dir, [...IMPORT, 'issues.jsonl', '--json'])).stderr.startsWith('{"code"'), true);
    assert.equal((await recordsIn(join(dir, '.beads'))).length, 2);
  }));
