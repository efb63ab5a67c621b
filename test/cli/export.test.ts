import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  appendFileSync,
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { lackOf } from '../../src/cli/beads/export.ts';
import { lossesOf, refuseChanged } from '../../src/cli/beads/guard.ts';
import { destinationOf, writeWhole } from '../../src/cli/write-file.ts';
import { Wal } from '../../src/index.ts';
import { ended, objects, runHere, start } from '../../src/lab/command-line.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';
import { noPipes } from '../support/system.ts';

const ISSUES = [
  { id: 'bd-2', title: 'Grüße \u2028', created_at: '2025-10-12T00:43:03.453438-07:00', labels: ['b', 'a'] },
  { id: 'bd-1', title: 'Two\nlines', status: 'open', updated_at: '2025-10-13T00:00:00Z', dependencies: [] },
];
const WHOLE = {
  id: 'bd-1',
  title: 'One',
  created_at: '2025-10-12T00:00:00Z',
  updated_at: '2025-10-13T00:00:00Z',
};
const EXPORT = ['export', '--to', 'beads'];
const lines = (issues: readonly object[]) => issues.map((issue) => `${JSON.stringify(issue)}\n`).join('');

test('an export, imported elsewhere and exported again, is the same to the byte', () =>
  inScratch('cli-export', async (dir) => {
    writeFileSync(join(dir, 'issues.jsonl'), lines(ISSUES));
    for (const log of ['one', 'two']) await runHere(dir, ['init', '-C', log]);
    await runHere(dir, ['import', '--from', 'beads', 'issues.jsonl', '-C', 'one']);
    const first = await runHere(dir, [...EXPORT, 'first.jsonl', '-C', 'one']);
    assert.deepEqual(first, { code: 0, stdout: '2 issues were exported, as of entry 2\n', stderr: '' });
    const bytes = readFileSync(join(dir, 'first.jsonl'), 'utf8');
    assert.deepEqual(objects(bytes), [ISSUES[1], ISSUES[0]]);
    await runHere(dir, ['import', '--from', 'beads', 'first.jsonl', '-C', 'two']);
    await runHere(dir, ['compact', '--fold', 'last-data', '-C', 'two']);
    const { stdout } = await runHere(dir, [...EXPORT, '-', '-C', 'two']);
    assert.equal(stdout, bytes);
  }));

test("fields stand in beads' order, others sorted after them, and text is escaped as beads does", () =>
  inScratch('cli-export-order', async (dir) => {
    const line =
      '{"_type":"issue","id":"bd-1","title":"a \\u003cb\\u003e \\u0026 \\u2028","status":"open","priority":0,"created_at":"2025-10-12T00:00:00Z","created_by":"me","updated_at":"2025-10-13T00:00:00Z","dependencies":[{"issue_id":"bd-1","depends_on_id":"bd-2","type":"blocks","created_at":"2025-10-12T00:00:00Z","created_by":"me","extra":1}],"comments":[{"id":1,"issue_id":"bd-1","author":"me","text":"b","created_at":"2025-10-12T00:00:00Z"}],"dependency_count":1,"10":1,"9":2,"__proto__":{"a":1},"zoo":null}\n';
    await makeLog(dir);
    const { code } = await runHere(dir, ['import', '--from', 'beads', '-'], line);
    assert.equal(code, 0);
    assert.equal((await runHere(dir, [...EXPORT, '-'])).stdout, line);
  }));

test('data without id and times is exported with those of its entries, and imported as the same', () =>
  inScratch('cli-export-plain', async (dir) => {
    const at = (day: number) => Date.parse(`2025-10-${day}T00:00:00Z`);
    await makeLog(dir, [
      { op: 'add', id: 'bd-a1f8', ts: at(12), data: { title: 'Fix the parser' } },
      { op: 'claim', id: 'bd-a1f8', ts: at(13), data: { title: 'Fix the parser', by: 'agent-3' } },
    ]);
    const [created_at, updated_at] = ['2025-10-12T00:00:00.000Z', '2025-10-13T00:00:00.000Z'];
    const issue = { id: 'bd-a1f8', title: 'Fix the parser', created_at, updated_at, by: 'agent-3' };
    const dated = { id: 'bd-b2', title: 'Two', created_at };
    await makeLog(dir, [{ op: 'add', id: 'bd-b2', ts: at(13), data: dated }]);
    assert.equal((await runHere(dir, [...EXPORT, 'out.jsonl'])).code, 0);
    assert.equal(readFileSync(join(dir, 'out.jsonl'), 'utf8'), lines([issue, { ...dated, updated_at }]));
    const { stdout } = await runHere(dir, ['import', '--from', 'beads', 'out.jsonl']);
    assert.match(stdout, /nothing to do; 2 unchanged/);
    const older = lines([{ ...dated, title: 'Before' }]);
    assert.match((await runHere(dir, ['import', '--from', 'beads', '-'], older)).stdout, /1 older/);
  }));

test('an id whose data is no issue is listed and left out; with --strict nothing is written', () =>
  inScratch('cli-export', async (dir) => {
    await makeLog(dir, [
      { op: 'add', id: 'bd-1', data: WHOLE },
      { op: 'add', id: 'bd-2', data: 'text' },
      { op: 'add', id: 'bd-3\u001b[2J\u202e', data: WHOLE },
    ]);
    const strict = await runHere(dir, [...EXPORT, '--strict', 'out.jsonl']);
    assert.equal(strict.code, 1);
    assert.match(strict.stderr, /2 ids whose data is no issue: nothing was written/);
    assert.deepEqual(readdirSync(dir), ['.beads']);
    const { code, stdout, stderr } = await runHere(dir, [...EXPORT, 'out.jsonl']);
    assert.deepEqual([code, stdout], [1, '1 issue was exported, as of entry 3; 2 ids left out\n']);
    assert.equal(
      stderr,
      'jsonl-wal: Id "bd-2" (entry 2) is not an object.\njsonl-wal: Id "bd-3\\u001b[2J\\u202e" (entry 3) has data of another id.\njsonl-wal: 2 ids left out: the export is not whole. [ERR_WAL_ENTRY]\n',
    );
    assert.equal(readFileSync(join(dir, 'out.jsonl'), 'utf8'), lines([WHOLE]));
    const json = await runHere(dir, [...EXPORT, 'out.jsonl', '--json']);
    assert.deepEqual(objects(json.stdout), [{ exported: 1, lacking: 0, skipped: 2, seq: 3 }]);
    assert.deepEqual(
      objects(json.stderr).map(({ code, id, seq }) => [code, id, seq]),
      [
        ['ERR_WAL_ENTRY', 'bd-2', 2],
        ['ERR_WAL_ENTRY', 'bd-3\u001b[2J\u202e', 3],
        ['ERR_WAL_ENTRY', undefined, undefined],
      ],
    );
  }));

const AT = '2025-10-12T00:00:00Z';
/** Issues that beads reads, and why it refuses others. */
const JUDGED: readonly (readonly [fields: object, lack: string | undefined])[] = [
  [{ closed_at: AT, status: 'closed', deleted_at: null, labels: ['a'], comments: [{}] }, undefined],
  [{ status: 'closed', updated_at: '2025-10-12T09:00:00.123456789+02:00', estimated_minutes: 0 }, undefined],
  [{ priority: null, assignee: null, labels: null, dependencies: [] }, undefined],
  [{ title: 'é'.repeat(251) }, 'has a title of more than 500 bytes'],
  [{ notes: ['a'] }, 'has a notes that is no text'],
  [{ priority: 1.5 }, 'has a priority that is no whole number from 0 to 4'],
  [{ estimated_minutes: -5 }, 'has estimated_minutes that are no whole number from 0 on'],
  [{ due_at: '2025-10-12' }, 'has as due_at what is no time of the form 2025-10-12T07:00:00Z'],
  [
    { created_at: '2025-13-12T00:00:00Z' },
    'has as created_at what is no time of the form 2025-10-12T07:00:00Z',
  ],
  [{ closed_at: AT, status: 'open' }, 'has a closed_at, but is not closed'],
  [{ status: 'tombstone', deleted_at: AT, closed_at: AT }, undefined],
  [{ deleted_at: AT }, 'has a deleted_at, but is no tombstone'],
  [{ labels: 'a' }, 'has labels that are no texts'],
  [{ labels: [1] }, 'has labels that are no texts'],
  [{ comments: ['a'] }, 'has comments that are no objects'],
];

test('an issue that beads refuses is told apart, with the field and the reason', () => {
  for (const [fields, lack] of JUDGED)
    assert.equal(lackOf({ ...WHOLE, ...fields }), lack, JSON.stringify(fields));
});

test('a patch that left an issue without a title is listed, and with --strict refused', () =>
  inScratch('cli-export-patch', async (dir) => {
    await makeLog(dir, [
      { op: 'add', id: 'bd-1', data: WHOLE },
      { op: 'add', id: 'bd-2', data: { title: 'Two', priority: 7 } },
    ]);
    assert.equal((await runHere(dir, [...EXPORT, 'out.jsonl'])).code, 0);
    const before = readFileSync(join(dir, 'out.jsonl'), 'utf8');
    await makeLog(dir, [{ op: 'update', id: 'bd-1', data: { id: 'bd-1', status: 'closed' } }]);
    const strict = await runHere(dir, [...EXPORT, '--strict', 'new.jsonl']);
    assert.equal(strict.code, 1);
    assert.match(strict.stderr, /2 issues that beads would refuse: nothing was written/);
    const over = await runHere(dir, [...EXPORT, 'out.jsonl']);
    assert.equal(over.code, 1);
    assert.match(
      over.stderr,
      /line 1 \(bd-1\) is a whole issue, which in the log has no title \(entry 3\)\. First append the whole issue \("jsonl-wal append --op update --id bd-1 --data @FILE"\), or lose/,
    );
    assert.deepEqual(
      [readdirSync(dir), readFileSync(join(dir, 'out.jsonl'), 'utf8')],
      [['.beads', 'out.jsonl'], before],
    );
    const { code, stderr } = await runHere(dir, [...EXPORT, 'new.jsonl']);
    assert.equal(code, 0);
    assert.equal(
      stderr,
      'jsonl-wal: Id "bd-1" (entry 3) has no title: beads refuses such an issue.\njsonl-wal: Id "bd-2" (entry 2) has a priority that is no whole number from 0 to 4: beads refuses such an issue.\n',
    );
  }));

test('a file that holds what the log does not know, or has older, is not written over but with --force', () =>
  inScratch('cli-export-guard', async (dir) => {
    await makeLog(dir, [
      { op: 'add', id: 'bd-1', ts: Date.parse(WHOLE.updated_at), data: WHOLE },
      { op: 'add', id: 'bd-4', data: { ...WHOLE, id: 'bd-4' } },
      { op: 'delete', id: 'bd-4', ts: Date.parse('2025-10-14T00:00:00Z') },
    ]);
    const path = join(dir, 'issues.jsonl');
    const deleted = { ...WHOLE, id: 'bd-4' };
    for (const [held, why] of [
      [lines([{ ...WHOLE, id: 'bd-7' }]), /line 1 \(bd-7\) is not in what the log exports/],
      [
        lines([WHOLE, { ...WHOLE, updated_at: '2025-10-13T00:00:00.000001Z' }]),
        /line 2 \(bd-1\) is newer than in the log/,
      ],
      [lines([{ ...deleted, updated_at: '2025-10-15T00:00:00Z' }]), /bd-4\) is newer than its deletion/],
      [lines([{ _type: 'memory', key: 'k', value: 'v' }]), /\(beads:memory:k\) is not in/],
      [lines([{ ...WHOLE, title: 'Edited' }]), /line 1 \(bd-1\) differs from the log \(entry 1\)/],
      [
        '# Notes\n',
        /line 1 is not JSON.*\. First fix the lines that cannot be read, or move them elsewhere, or/,
      ],
    ] as const) {
      writeFileSync(path, held);
      const { code, stderr } = await runHere(dir, [...EXPORT, 'issues.jsonl']);
      assert.equal(code, 1);
      assert.match(stderr, why);
      assert.equal(/First import it \("jsonl-wal import/.test(stderr), held !== '# Notes\n', stderr);
      assert.match(stderr, /, or lose them with --force\. \[ERR_WAL_EXISTS\]/);
      assert.equal(readFileSync(path, 'utf8'), held);
    }
    const nowhere = await runHere(dir, [...EXPORT, 'none/issues.jsonl']);
    assert.match(nowhere.stderr, /there is no directory .*none\. Make it, .*\[ERR_WAL_NOT_FOUND\]/);
    assert.equal((await runHere(dir, [...EXPORT, '--force', 'issues.jsonl'])).code, 0);
    assert.equal(readFileSync(path, 'utf8'), lines([WHOLE]));
    writeFileSync(path, lines([deleted, { ...WHOLE, title: 'Before', updated_at: '2025-10-12T00:00:00Z' }]));
    assert.equal((await runHere(dir, [...EXPORT, 'issues.jsonl'])).code, 0);
    assert.equal(readFileSync(path, 'utf8'), lines([WHOLE]));
    // An edit in the log that left updated_at as it was, and another header: the file has nothing newer.
    const [header, edited] = [{ _schema: 'a' }, { ...WHOLE, title: 'Edited' }];
    await makeLog(dir, [
      { op: 'keep', id: 'beads:_schema', data: header },
      { op: 'edit', id: 'bd-1', data: edited },
    ]);
    writeFileSync(path, lines([{ _schema: 'b' }, WHOLE]));
    assert.equal((await runHere(dir, [...EXPORT, 'issues.jsonl'])).code, 0);
    assert.equal(readFileSync(path, 'utf8'), lines([header, edited]));
  }));

test("a file is not written over by another fold than the log's, which makes other issues of it", () =>
  inScratch('cli-export-fold', async (dir) => {
    const merging = {
      name: 'merging',
      version: 1,
      apply: (a: unknown, { data }: { data?: unknown }) => data ?? a,
    };
    const wal = await Wal.open(join(dir, '.beads'), { fold: merging });
    await wal.append({ op: 'add', id: 'bd-1', ts: Date.parse(WHOLE.updated_at), data: WHOLE });
    await wal.append({ op: 'update', id: 'bd-1', data: { title: 'Two' } });
    await wal.close();
    const path = join(dir, 'issues.jsonl');
    writeFileSync(path, lines([WHOLE]));
    const { code, stderr } = await runHere(dir, [...EXPORT, 'issues.jsonl']);
    assert.equal(code, 1);
    assert.match(stderr, /made by the fold "merging", .*--force\. \[ERR_WAL_FOLD\]/);
    assert.equal(readFileSync(path, 'utf8'), lines([WHOLE]));
    const module = `export default { name: 'merging', version: 1, apply: (a, { data }) => ({ ...a, ...data }) };`;
    writeFileSync(join(dir, 'fold.mjs'), module);
    const own = await runHere(dir, [...EXPORT, '--fold', './fold.mjs', 'issues.jsonl']);
    assert.deepEqual([own.code, objects(readFileSync(path, 'utf8'))[0].created_at], [0, WHOLE.created_at]);
    writeFileSync(join(dir, 'empty.jsonl'), '');
    for (const free of [['new.jsonl'], ['empty.jsonl'], ['--force', 'issues.jsonl']])
      assert.equal((await runHere(dir, [...EXPORT, ...free])).code, 0);
  }));

test('an id whose deletion was compacted away is not dropped from a file until it is deleted once more', () =>
  inScratch('cli-export-forgotten', async (dir) => {
    await makeLog(dir, [
      { op: 'add', id: 'bd-1', ts: Date.parse(WHOLE.updated_at), data: WHOLE },
      { op: 'add', id: 'bd-4', data: { ...WHOLE, id: 'bd-4' } },
      { op: 'delete', id: 'bd-4' },
    ]);
    const held = lines([WHOLE, { ...WHOLE, id: 'bd-4' }]);
    writeFileSync(join(dir, 'out.jsonl'), held);
    await runHere(dir, ['compact', '--fold', 'last-data', '--retain', '1', '--no-backup']);
    const { code, stderr } = await runHere(dir, [...EXPORT, 'out.jsonl']);
    assert.deepEqual([code, readFileSync(join(dir, 'out.jsonl'), 'utf8')], [1, held]);
    assert.match(stderr, /line 2 \(bd-4\) is not in what the log exports, and no entry from 4 on deletes it/);
    assert.match(
      stderr,
      /append the deletion again: "jsonl-wal append --op delete --id bd-4"\. \[ERR_WAL_EXISTS\]/,
    );
    await runHere(dir, ['append', '--op', 'delete', '--id', 'bd-4']);
    assert.equal((await runHere(dir, [...EXPORT, 'out.jsonl'])).code, 0);
    assert.equal(readFileSync(join(dir, 'out.jsonl'), 'utf8'), lines([WHOLE]));
  }));

test('created_at is that of the first entry, or of the file where a compaction took that away', () =>
  inScratch('cli-export-created', async (dir) => {
    const path = join(dir, 'out.jsonl');
    const add = (id: string, ts: number) => ({ op: 'add', id, ts, data: { title: id } });
    /** When each issue was created, by the file that an export writes over one that says so. */
    const created = async (inFile: Readonly<Record<string, number>>) => {
      const dated = ([id, at]: [string, number]) => {
        const created_at = new Date(at).toISOString();
        return { id, title: 'Before', created_at, updated_at: created_at };
      };
      writeFileSync(path, lines(Object.entries(inFile).map(dated)));
      assert.equal((await runHere(dir, [...EXPORT, 'out.jsonl'])).code, 0);
      const issues = objects(readFileSync(path, 'utf8'));
      return Object.fromEntries(issues.map(({ id, created_at }) => [id, Date.parse(created_at)]));
    };
    const again = (id: string, ts: number) => [{ op: 'delete', id, ts }, add(id, ts)];
    await makeLog(dir, [add('a', 10), add('b', 10), ...again('b', 20), add('a', 30)]);
    assert.deepEqual(await created({ a: 5, b: 5 }), { a: 10, b: 20 });
    await runHere(dir, ['compact', '--fold', 'last-data', '--retain', '1', '--no-backup']);
    await makeLog(dir, [...again('b', 40), add('c', 50)]);
    assert.deepEqual(await created({ a: 10, b: 5 }), { a: 10, b: 40, c: 50 });
    assert.deepEqual(await created({ c: 5 }), { a: 30, b: 40, c: 5 });
    await makeLog(dir, [add('c', 60)]);
    assert.deepEqual(await created({ c: 55 }), { a: 30, b: 40, c: 50 });
  }));

test('a line of a file with an integer that JavaScript rounds is compared by its time, and never as equal', () =>
  inScratch('cli-export-integers', async (dir) => {
    const rounded = { ...WHOLE, n: 12345678901234567000 };
    await makeLog(dir, [{ op: 'add', id: 'bd-1', ts: Date.parse(WHOLE.updated_at), data: rounded }]);
    const path = join(dir, 'out.jsonl');
    const exact = lines([rounded]).replace(/123\d+/, '12345678901234567890');
    assert.deepEqual(objects(exact), [rounded]);
    for (const [held, why] of [
      [exact, /line 1 \(bd-1\) differs from the log \(entry 1\)/],
      [exact.replace('10-13T', '10-14T'), /line 1 \(bd-1\) is newer than in the log/],
    ] as const) {
      writeFileSync(path, held);
      assert.match((await runHere(dir, [...EXPORT, 'out.jsonl'])).stderr, why);
      assert.equal(readFileSync(path, 'utf8'), held);
    }
    writeFileSync(path, exact.replace('10-13T', '10-12T'));
    assert.equal((await runHere(dir, [...EXPORT, 'out.jsonl'])).code, 0);
    assert.deepEqual(objects(readFileSync(path, 'utf8')), [rounded]);
  }));

test("a file that somebody writes to meanwhile is left to them, and the log's own files are no place to export to", () =>
  inScratch('cli-export-guard', async (dir) => {
    const path = join(dir, 'issues.jsonl');
    writeFileSync(path, 'theirs\n');
    const destination = destinationOf(path);
    const meanwhile = function* () {
      yield 'ours';
      appendFileSync(path, 'more\n');
    };
    assert.throws(() => writeWhole(destination, meanwhile(), () => refuseChanged(destination)), {
      code: 'ERR_WAL_EXISTS',
      message: /changed meanwhile/,
    });
    assert.deepEqual([readdirSync(dir), readFileSync(path, 'utf8')], [['issues.jsonl'], 'theirs\nmore\n']);

    await makeLog(dir, [{ op: 'add', id: 'bd-1', data: WHOLE }]);
    // What cannot be read is not taken for nothing.
    const losses = lossesOf(join(dir, 'none'), new Map(), () => assert.fail());
    await assert.rejects(losses, { code: 'ERR_WAL_IO', message: /none was not written over, .*ENOENT/ });
    for (const own of ['wal.json', '00000000000000000001.jsonl', 'backups/x']) {
      mkdirSync(join(dir, '.beads/backups'), { recursive: true });
      const { code, stderr } = await runHere(dir, [...EXPORT, '--force', `.beads/${own}`]);
      assert.equal(code, 2);
      assert.match(stderr, /is a file of the log itself/);
    }
    const wal = await Wal.open(join(dir, '.beads'));
    assert.equal((await wal.verify()).ok, true);
    await wal.close();
  }));

test('a disk is written to with --force alone', (t) =>
  inScratch('cli-export-disk', async (dir) => {
    // No driver has this number: what opens it fails.
    if (spawnSync('mknod', [join(dir, 'disk'), 'b', '240', '7']).status !== 0)
      return t.skip('only root makes such a file');
    await makeLog(dir);
    const [refused, forced] = [
      await runHere(dir, [...EXPORT, 'disk']),
      await runHere(dir, [...EXPORT, '--force', 'disk']),
    ];
    assert.match(refused.stderr, /disk was not written over: it is a disk, .*--force\. \[ERR_WAL_EXISTS\]/);
    assert.match(forced.stderr, /Cannot write disk: (ENXIO|EACCES|EPERM|ENODEV)/);
  }));

test('a pipe, by its name or through a link, is written through and stays', { skip: noPipes }, () =>
  inScratch('cli-export-pipe', async (dir) => {
    await makeLog(dir, [{ op: 'add', id: 'bd-1', data: WHOLE }]);
    const pipe = join(dir, 'pipe');
    spawnSync('mkfifo', [pipe]);
    symlinkSync('pipe', join(dir, 'link'));
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      for (const name of ['pipe', 'link']) {
        assert.equal((await runHere(dir, [...EXPORT, name])).code, 0);
        const bytes = Buffer.alloc(1000);
        assert.equal(bytes.subarray(0, readSync(reader, bytes)).toString(), lines([WHOLE]));
      }
    } finally {
      fs.closeSync(reader);
    }
    assert.deepEqual([statSync(pipe).isFIFO(), lstatSync(join(dir, 'link')).isSymbolicLink()], [true, true]);
  }),
);

test(
  '/dev/stdout is written through where it is a file that the shell appends to',
  { skip: process.platform === 'win32' && 'no /dev/stdout there' },
  () =>
    inScratch('cli-export-stdout', async (dir) => {
      await makeLog(dir, [{ op: 'add', id: 'bd-1', data: WHOLE }]);
      const path = join(dir, 'out');
      writeFileSync(path, 'before\n');
      symlinkSync('/dev/stdout', join(dir, 'link'));
      assert.equal(destinationOf(join(dir, 'link')).descriptor, 1);
      const file = openSync(path, 'a');
      writeWhole(`/dev/fd/${file}`, ['by its ', 'number\n']);
      const { code } = await ended(
        start(dir, [...EXPORT, '/dev/stdout'], { stdio: ['ignore', file, 'inherit'] }),
      );
      fs.closeSync(file);
      assert.deepEqual([code, readFileSync(path, 'utf8')], [0, `before\nby its number\n${lines([WHOLE])}`]);
    }),
);

test('an export keeps mode and owner, follows links that lead nowhere too, and says why it cannot write', () =>
  inScratch('cli-export', async (dir) => {
    await makeLog(dir, [{ op: 'add', id: 'bd-1', data: WHOLE }]);
    mkdirSync(join(dir, 'real'));
    writeFileSync(join(dir, 'real/out.jsonl'), '');
    // Wider than the umask lets a new file be.
    chmodSync(join(dir, 'real/out.jsonl'), 0o666);
    if (process.geteuid?.() === 0) chownSync(join(dir, 'real/out.jsonl'), 1234, 4321);
    const { mode, uid, gid } = statSync(join(dir, 'real/out.jsonl'));
    symlinkSync('real/out.jsonl', join(dir, 'link'));
    assert.equal((await runHere(dir, ['export', '--to', 'beads', 'link'])).code, 0);
    const after = statSync(join(dir, 'real/out.jsonl'));
    assert.deepEqual([after.mode, after.uid, after.gid], [mode, uid, gid]);
    assert.equal(readFileSync(join(dir, 'real/out.jsonl'), 'utf8'), lines([WHOLE]));
    symlinkSync('real/../real/new.jsonl', join(dir, 'dangling'));
    assert.equal((await runHere(dir, ['export', '--to', 'beads', 'dangling'])).code, 0);
    assert.equal(lstatSync(join(dir, 'dangling')).isSymbolicLink(), true);
    assert.equal(readFileSync(join(dir, 'real/new.jsonl'), 'utf8'), lines([WHOLE]));
    for (const [bad, why] of [
      ['real', 'it is a directory'],
      ['none/out.jsonl', '.*'],
    ] as const) {
      const { code, stderr } = await runHere(dir, ['export', '--to', 'beads', bad]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^jsonl-wal: Cannot write ${bad}: ${why}`));
    }
    assert.deepEqual(readdirSync(dir).sort(), ['.beads', 'dangling', 'link', 'real']);
    assert.deepEqual(readdirSync(join(dir, 'real')), ['new.jsonl', 'out.jsonl']);
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
