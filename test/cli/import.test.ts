import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  emptyTally,
  endedEarly,
  newestLines,
  readBeads,
  runImport,
  tallyText,
} from '../../src/cli/beads/import.ts';
import { beadsLine, tombstonePlace } from '../../src/cli/beads/line.ts';
import { Wal } from '../../src/index.ts';
import { objects, runHere } from '../../src/lab/command-line.ts';
import { seeded } from '../../src/lab/seeded.ts';
import { recordsIn } from '../support/audit.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';
import { seedOf } from '../support/seed.ts';

const ISSUES = [
  {
    id: 'bd-1',
    title: 'Add export',
    status: 'open',
    created_at: '2025-10-12T00:43:03.453438-07:00',
    updated_at: '2025-10-13T00:00:00.000000002Z',
  },
  { id: 'bd-2', title: 'Grüße', updated_at: '2025-10-12T00:00:00Z' },
];
const [ONE, TWO] = ISSUES as [(typeof ISSUES)[0], (typeof ISSUES)[0]];
const linesOf = (issues: readonly object[]) => issues.map((issue) => `${JSON.stringify(issue)}\n`).join('');
const LINES = linesOf(ISSUES);
const IMPORT = ['import', '--from', 'beads'];
const NOTHING = {
  added: 0,
  updated: 0,
  deleted: 0,
  kept: 0,
  unchanged: 0,
  older: 0,
  skipped: 0,
  dryRun: false,
};

/** Imports lines from standard input; answers what it says that it did. */
async function imported(dir: string, lines: readonly object[], ...flags: string[]) {
  const { code, stdout, stderr } = await runHere(dir, [...IMPORT, '-', '--json', ...flags], linesOf(lines));
  const [{ seq: _, ...did }] = objects(stdout) as [Record<string, unknown>];
  return { code, did, told: objects(stderr) };
}

const stateIn = async (dir: string) => objects((await runHere(dir, ['state', '--json'])).stdout);

test('import appends, in the order of updated_at, what the state does not say yet', () =>
  inScratch('cli-import', async (dir) => {
    await makeLog(dir);
    writeFileSync(join(dir, 'issues.jsonl'), LINES);
    const { code, stdout } = await runHere(dir, [...IMPORT, 'issues.jsonl']);
    const told = '2 added; 0 unchanged, 0 older; the log is at entry 2\n';
    assert.deepEqual({ code, stdout }, { code: 0, stdout: told });
    const entries = (await recordsIn(join(dir, '.beads'))).map(({ op, id, ts, data }) => ({
      op,
      id,
      ts,
      data,
    }));
    assert.deepEqual(entries, [
      { op: 'add', id: 'bd-2', ts: Date.parse('2025-10-12T00:00:00Z'), data: TWO },
      { op: 'add', id: 'bd-1', ts: Date.parse('2025-10-13T00:00:00Z'), data: ONE },
    ]);
    const closed = { ...ONE, status: 'closed' };
    assert.deepEqual((await imported(dir, [closed, TWO])).did, { ...NOTHING, updated: 1, unchanged: 1 });
    assert.deepEqual((await recordsIn(join(dir, '.beads'))).at(-1)?.data, closed);
    const dated = { ...TWO, created_at: '2025-10-11T00:00:00Z' };
    assert.deepEqual((await imported(dir, [dated])).did, { ...NOTHING, updated: 1 });
  }));

test('of files imported in any order the newer stays; what is older is listed, and --force takes it', () =>
  inScratch('cli-import', async (dir) => {
    await makeLog(dir);
    const a = { ...ONE, title: 'Older', updated_at: '2025-10-13T00:00:00.000000001Z' };
    for (const [file, flags, did] of [
      [ONE, [], 'added'],
      [a, [], 'older'],
      [ONE, [], 'unchanged'],
      [a, ['--force'], 'updated'],
      [ONE, [], 'updated'],
    ] as const) {
      const answer = await imported(dir, [file], ...flags);
      assert.deepEqual([answer.code, answer.did], [0, { ...NOTHING, [did]: 1 }]);
      assert.deepEqual(
        answer.told.map(({ code, line, id }) => [code, line, id]),
        did === 'older' ? [['OLDER', 1, 'bd-1']] : [],
      );
    }
    // Both in one file: the order of its lines decides nothing.
    for (const [file, older] of [
      [[ONE, a], 2],
      [[a, ONE], 1],
    ] as const) {
      const { did, told } = await imported(dir, file);
      assert.deepEqual(
        [did, told.map(({ line }) => line)],
        [{ ...NOTHING, unchanged: 1, older: 1 }, [older]],
      );
    }
    assert.deepEqual((await stateIn(dir))[0].value, ONE);
  }));

test('an issue that was deleted in the log comes back with the file that has it', () =>
  inScratch('cli-import', async (dir) => {
    await makeLog(dir, [
      { op: 'add', id: 'bd-1', data: ONE },
      { op: 'delete', id: 'bd-1' },
    ]);
    assert.deepEqual((await imported(dir, [ONE])).did, { ...NOTHING, added: 1 });
    assert.deepEqual((await imported(dir, [ONE])).did, { ...NOTHING, unchanged: 1 });
  }));

test('a tombstone deletes the issue, is exported, and yields to what is newer', () =>
  inScratch('cli-import', async (dir) => {
    await makeLog(dir);
    const tombstone = { ...ONE, status: 'tombstone', deleted_at: '2025-10-14T00:00:00Z', deleted_by: 'me' };
    await imported(dir, ISSUES);
    assert.deepEqual((await imported(dir, [tombstone])).did, { ...NOTHING, deleted: 1 });
    assert.deepEqual((await imported(dir, [ONE])).did, { ...NOTHING, older: 1 });
    await runHere(dir, ['compact', '--fold', 'last-data', '--no-backup']);
    assert.deepEqual((await imported(dir, [tombstone])).did, { ...NOTHING, unchanged: 1 });
    const ids = (await stateIn(dir)).map(({ id }) => id);
    assert.deepEqual(ids, ['bd-2', 'beads:tombstone:bd-1']);
    const exported = await runHere(dir, ['export', '--to', 'beads', '-']);
    assert.deepEqual(objects(exported.stdout), [tombstone, TWO]);
    // Where it comes back without an import, its tombstone is still there, and older.
    const again = { ...ONE, title: 'Again' };
    await makeLog(dir, [{ op: 'add', id: 'bd-1', ts: Date.parse('2025-10-15T00:00:00Z'), data: again }]);
    assert.deepEqual(objects((await runHere(dir, ['export', '--to', 'beads', '-'])).stdout), [again, TWO]);
    await makeLog(dir, [{ op: 'delete', id: 'bd-1' }]);
    const back = { ...ONE, updated_at: '2025-10-15T00:00:00Z' };
    assert.deepEqual((await imported(dir, [back])).did, { ...NOTHING, added: 1 });
    assert.deepEqual(
      (await stateIn(dir)).map(({ value }) => value),
      [back, TWO],
    );
  }));

test('a header, memories and unknown kinds are kept, and written back as they were', () =>
  inScratch('cli-import', async (dir) => {
    await makeLog(dir);
    const lines = [
      { _schema: 'beads-jsonl/1', _dolt_branch: 'main' },
      { _type: 'issue', ...ONE, colour: 'red', 7: [] },
      { _type: 'memory', key: 'build', value: 'npm ci' },
      { _type: 'note', text: 'without a name' },
    ];
    const dead = { ...TWO, status: 'tombstone' };
    const own = [{ ...ONE, id: 'bd-s', _schema: 1 }, dead, { _type: 'tombstone', id: TWO.id }];
    assert.deepEqual((await imported(dir, own)).did, { ...NOTHING, added: 1, kept: 2 });
    const both = await runHere(dir, ['export', '--to', 'beads', '-']);
    assert.deepEqual(new Set(objects(both.stdout)), new Set(own));
    await makeLog(dir, [
      { op: 'delete', id: 'bd-s' },
      { op: 'delete', id: `beads:tombstone:${TWO.id}` },
      { op: 'delete', id: `beads:other:${TWO.id}` },
    ]);
    assert.deepEqual((await imported(dir, lines)).did, { ...NOTHING, added: 1, kept: 3 });
    assert.deepEqual((await imported(dir, lines)).did, { ...NOTHING, unchanged: 4 });
    const { stdout } = await runHere(dir, ['export', '--to', 'beads', '-']);
    assert.deepEqual(objects(stdout), lines);
    const changed = [
      { ...lines[0], _dolt_branch: 'next' },
      { ...lines[2], value: 'npm test' },
    ];
    assert.deepEqual((await imported(dir, changed)).did, { ...NOTHING, kept: 2 });
    const after = await runHere(dir, ['export', '--to', 'beads', '-']);
    assert.deepEqual(objects(after.stdout), [changed[0], lines[1], changed[1], lines[3]]);
  }));

test('import tells gzip by its first bytes, from a file or a pipe, and says where one is cut', () =>
  inScratch('cli-import-gz', async (dir) => {
    await makeLog(dir);
    const gzipped = gzipSync(LINES);
    const { stdout } = await runHere(dir, [...IMPORT, '-', '--json'], gzipped);
    assert.equal(objects(stdout)[0].added, 2);
    writeFileSync(join(dir, 'plain.gz'), LINES);
    assert.match((await runHere(dir, [...IMPORT, 'plain.gz'])).stdout, /2 unchanged/);
    writeFileSync(join(dir, 'cut'), gzipped.subarray(0, gzipped.length / 2));
    const cut = await runHere(dir, [...IMPORT, 'cut']);
    assert.equal(cut.code, 1);
    assert.match(cut.stderr, /^jsonl-wal: Cannot read cut: unexpected end of file\. Nothing was imported\./);
    const none = await runHere(dir, [...IMPORT, 'none.jsonl']);
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /Cannot read none\.jsonl: ENOENT[^[]*Nothing was imported\. \[ERR_WAL_NOT_FOUND\]\n$/,
    );
    const neither = await runHere(dir, [...IMPORT, 'none.jsonl', '-C', 'nowhere']);
    assert.match(neither.stderr, /^jsonl-wal: There is no log in .*\[ERR_WAL_NOT_FOUND\]\n$/);
  }));

test('conflict markers refuse the file, and both sides are named with their lines', () =>
  inScratch('cli-import-conflict', async (dir) => {
    await makeLog(dir);
    const [first, second] = LINES.split('\n');
    const text = ['<<<<<<< HEAD', first, '||||||| base', '=======', second, '>>>>>>> topic', second].join(
      '\n',
    );
    writeFileSync(join(dir, 'issues.jsonl'), text);
    const { code, stderr } = await runHere(dir, [...IMPORT, '--force', 'issues.jsonl']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^jsonl-wal: issues\.jsonl has the markers of a merge conflict: lines 1 to 3 are the side HEAD, lines 3 to 4 are the side base, lines 4 to 6 are the side topic\. Nothing was imported/,
    );
    const halves = await runHere(dir, [...IMPORT, '-'], `${first}\n=======\n${second}\n`);
    assert.match(halves.stderr, /line 2 begins a side without a name/);
    assert.equal(readFileSync(join(dir, '.beads/00000000000000000001.jsonl'), 'utf8'), '');
  }));

test('bad lines are listed and passed over, and the exit code says so; with --strict nothing is imported', () =>
  inScratch('cli-import-bad', async (dir) => {
    await makeLog(dir);
    const bad = ['[]', '{"title":"x"}', '{"id":"bd-9"}', '{"id":"bd-9","created_at":"soon"}', '{"id":'];
    const [first, second] = LINES.split('\n');
    writeFileSync(join(dir, 'issues.jsonl'), [first, ...bad, '', second].join('\n'));
    const strict = await runHere(dir, [...IMPORT, '--strict', 'issues.jsonl']);
    assert.equal(strict.code, 1);
    assert.match(strict.stderr, /^jsonl-wal: .*5 bad lines.*nothing was imported/m);
    assert.equal(readFileSync(join(dir, '.beads/00000000000000000001.jsonl'), 'utf8'), '');

    const { code, stdout, stderr } = await runHere(dir, [...IMPORT, 'issues.jsonl']);
    assert.equal(code, 1);
    assert.match(stdout, /^2 added; .*; 5 bad lines passed over; the log is at entry 2\n$/);
    assert.deepEqual(stderr.split('\n').slice(0, 4), [
      'jsonl-wal: Line 2 is not an object.',
      'jsonl-wal: Line 3 has no id.',
      'jsonl-wal: Line 4 has neither created_at nor updated_at that is a time.',
      'jsonl-wal: Line 5 has neither created_at nor updated_at that is a time.',
    ]);
    assert.match(stderr, /^jsonl-wal: Line 6 is not JSON: /m);
    const [deep, taken] = await Promise.all(
      [
        { ...ONE, deep: JSON.parse(`${'['.repeat(1500)}${']'.repeat(1500)}`) },
        { ...ONE, id: 'beads:tombstone:bd-1' },
      ].map(async (line) => (await imported(dir, [line])).told[0].message),
    );
    assert.match(deep, /^Line 1 cannot be written as JSON: it is nested more than 1000 levels deep\.$/);
    assert.match(taken, /^Line 1 has an id that begins with "beads:", as only/);
    assert.match(
      stderr,
      /^jsonl-wal: 5 bad lines passed over: the import is not whole\. \[ERR_WAL_ENTRY\]\n$/m,
    );
  }));

test('--dry-run says what an import would do, and appends nothing', () =>
  inScratch('cli-import-dry', async (dir) => {
    await makeLog(dir);
    await imported(dir, [ONE]);
    const older = { ...ONE, updated_at: '2025-10-01T00:00:00Z' };
    const { did } = await imported(dir, [TWO, older], '--dry-run');
    assert.deepEqual(did, { ...NOTHING, added: 1, older: 1, dryRun: true });
    assert.equal((await recordsIn(join(dir, '.beads'))).length, 1);
  }));

test('of two imports at once the older one does not come last: each line is compared in its turn', () =>
  inScratch('cli-import-race', async (dir) => {
    const file = join(dir, 'older.jsonl');
    writeFileSync(file, linesOf([{ ...ONE, updated_at: '2025-10-01T00:00:00Z' }]));
    await makeLog(dir);
    const wal = await Wal.open(join(dir, '.beads'));
    const table = await wal.table();
    // The table of this import does not know of the other one.
    await imported(dir, [ONE]);
    const lines = await readBeads(file, () => {}, assert.fail);
    const tally = { added: 0, updated: 0, deleted: 0, kept: 0, unchanged: 0, older: 0 };
    await runImport(table, lines, { force: false, tally, tell: () => {}, progress: () => {} });
    assert.equal(tallyText(tally), 'nothing to do; 0 unchanged, 1 older');
    assert.deepEqual(table.get('bd-1'), ONE);
    await wal.close();
  }));

test('an import that ends in the middle says what it did, and the next one does the rest', () =>
  inScratch('cli-import-ends', async (dir) => {
    const many = Array.from({ length: 100 }, (_, i) => ({ ...ONE, id: `bd-${i}` }));
    writeFileSync(join(dir, 'issues.jsonl'), linesOf(many));
    const lines = await readBeads(join(dir, 'issues.jsonl'), () => {}, assert.fail);
    await makeLog(dir);
    const wal = await Wal.open(join(dir, '.beads'));
    const tally = { added: 0, updated: 0, deleted: 0, kept: 0, unchanged: 0, older: 0 };
    const table = await wal.table();
    const progress = () => void wal.close();
    const importing = runImport(table, lines, { force: false, tally, tell: () => {}, progress });
    const error = endedEarly(
      await importing.catch((thrown: unknown) => thrown),
      tally,
      lines.length,
    ) as Error;
    assert.match(
      error.message,
      /closed.* Of 100 lines, 32 came before that: 32 added; .*Import again for the rest\.$/,
    );
    await wal.close();
    assert.deepEqual((await imported(dir, many)).did, { ...NOTHING, added: 68, unchanged: 32 });
  }));

test('Ctrl-C in the middle of an import says what was done, and while it reads that nothing was', () =>
  inScratch('cli-import-interrupt', async (dir) => {
    await makeLog(dir);
    const many = Array.from({ length: 1500 }, (_, i) => ({ ...ONE, id: `bd-${i}` }));
    const segment = join(dir, '.beads/00000000000000000001.jsonl');
    const interrupt = setInterval(() => {
      if (statSync(segment).size > 0 && process.listenerCount('SIGINT') > 0) process.emit('SIGINT');
    }, 1);
    const args = [...IMPORT, '-', '--json', '--durability', 'os'];
    const { code, stdout, stderr } = await runHere(dir, args, linesOf(many)).finally(() =>
      clearInterval(interrupt),
    );
    const [{ message, added, ...failure }] = objects(stderr);
    const landed = (await stateIn(dir)).length;
    assert.deepEqual([code, stdout, failure.code, added], [130, '', 'ERR_WAL_ABORTED', landed]);
    assert.ok(landed > 0 && landed < many.length, `${landed}`);
    const figure = landed.toLocaleString('en-US');
    const told = `Interrupted. Of 1,500 lines, ${figure} came before that: ${figure} added; 0 unchanged, 0 older. Import again for the rest.`;
    assert.equal(message, told);

    const controller = new AbortController();
    writeFileSync(join(dir, 'issues.jsonl'), LINES);
    const reading = readBeads(
      join(dir, 'issues.jsonl'),
      () => controller.abort(),
      assert.fail,
      controller.signal,
    );
    await assert.rejects(reading, { code: 'ERR_WAL_ABORTED', message: 'Interrupted. Nothing was imported.' });
  }));

test('lines imported in any order, again and again, leave the newest of each id', (t) =>
  inScratch('cli-import-orders', async (dir) => {
    const dice = seeded(seedOf(t));
    const wal = await Wal.open(join(dir, '.beads'), { durability: 'os' });
    const table = await wal.table();
    const lines = Array.from({ length: 60 }, (_, i) => {
      const [id, updated_at] = [`bd-${i % 7}`, `2025-10-12T00:00:00.${String(i).padStart(9, '0')}Z`];
      return { id, title: `${i}`, status: dice() < 0.3 ? 'tombstone' : 'open', updated_at };
    });
    const running = { force: false, tally: emptyTally(), tell: () => {}, progress: () => {} };
    for (let round = 0; round < 20; round++) {
      const given = round === 9 ? lines : lines.filter(() => dice() < 0.2);
      const shuffled = given.map((line) => ({ line, at: dice() })).sort((a, b) => a.at - b.at);
      const read = shuffled.map(({ line }, i) => ({ ...beadsLine(line), number: i, bytes: 100 }));
      await runImport(
        table,
        newestLines(read, () => {}),
        running,
      );
    }
    for (const newest of lines.slice(-7)) {
      const [live, tombstone] = [table.get(newest.id), table.get(tombstonePlace(newest.id))];
      assert.deepEqual(newest.status === 'open' ? [live, tombstone] : [tombstone, live], [newest, undefined]);
    }
    await wal.close();
  }));
