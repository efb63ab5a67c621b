import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  block,
  claim,
  claimNext,
  close,
  create,
  remove,
  reopen,
  unblock,
  update,
} from '../../examples/issue-tracker/changes.ts';
import { ISSUES } from '../../examples/issue-tracker/fold.ts';
import { type Issue, isReady } from '../../examples/issue-tracker/issues.ts';
import { keepMirror, syncMirror } from '../../examples/issue-tracker/mirror.ts';
import { takeIn } from '../../examples/issue-tracker/take-in.ts';
import { Tracker } from '../../examples/issue-tracker/tracker.ts';
import { Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';

type Line = Readonly<Record<string, unknown>>;

/** A line as beads writes it. */
function line(id: string, more: Line = {}): Line {
  const at = '2025-10-12T00:13:03.457453-07:00';
  return {
    id,
    title: `Issue ${id}`,
    description: '',
    status: 'open',
    priority: 2,
    created_at: at,
    updated_at: at,
    ...more,
  };
}

const LATER = '2025-11-01T08:00:00.5Z';

/** All that an issue of beads may have, in beads' order, and two fields that nobody knows. */
const RICH = line('bd-rich', {
  status: 'blocked',
  issue_type: 'bug',
  assignee: 'bob',
  created_by: 'alice',
  external_ref: null,
  labels: ['ui', 'urgent'],
  dependencies: [
    {
      issue_id: 'bd-rich',
      depends_on_id: 'bd-a',
      type: 'blocks',
      created_at: LATER,
      created_by: 'x',
      metadata: '{}',
    },
    { issue_id: 'bd-rich', depends_on_id: 'bd-b', type: 'parent-child', created_at: LATER, created_by: 'x' },
  ],
  comments: [{ id: 1, issue_id: 'bd-rich', author: 'bob', text: 'why?', created_at: LATER }],
  x_team: { name: 'core' },
  x_weight: 0.25,
});

/** A tracker in this process, and its mirror. */
function inTracker(
  name: string,
  body: (tracker: Tracker, mirror: string, directory: string) => Promise<void>,
): Promise<void> {
  return inScratch(name, async (directory) => {
    const tracker = await Tracker.init(directory);
    try {
      await body(tracker, join(directory, '.beads', 'issues.jsonl'), directory);
    } finally {
      await tracker.close();
    }
  });
}

const write = (path: string, lines: readonly Line[]) =>
  writeFileSync(path, lines.map((each) => `${JSON.stringify(each)}\n`).join(''));

const linesIn = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((each) => JSON.parse(each) as Line);

const lineOf = (path: string, id: string): Line | undefined => linesIn(path).find((each) => each.id === id);

type Folded = readonly [op: string, id: string, data?: unknown];

function folded(...records: readonly Folded[]): Map<string, Issue> {
  const issues = new Map<string, Issue>();
  records.forEach(([op, id, data], i) => {
    const issue = ISSUES.apply(issues.get(id), {
      seq: i + 1,
      ts: i,
      op,
      id,
      data,
      writer: '',
      crc: '',
      prev: '',
    });
    if (issue !== undefined) issues.set(id, issue as Issue);
  });
  return issues;
}

describe('the issue tracker example and files of beads', { concurrency: 2 }, () => {
  test('only an open issue is ready: not one in another status, put off, or claimed', () => {
    const cases: readonly (readonly [Line, boolean])[] = [
      [{ status: 'open' }, true],
      [{ status: 'open', assignee: 'bob' }, true],
      [{ status: 'open', defer_until: '2001-01-01T00:00:00Z' }, true],
      [{ status: 'open', defer_until: '2999-01-01T00:00:00Z' }, false],
      ...['in_progress', 'blocked', 'deferred', 'hooked', 'done', 'closed', 'tombstone'].map(
        (status) => [{ status }, false] as const,
      ),
      [{ status: 'in_progress', assignee: 'bob' }, false],
    ];
    for (const [fields, ready] of cases) {
      const issues = folded(['add', 'bd-a', line('bd-a', fields)]);
      const issue = issues.get('bd-a') as Issue;
      assert.equal(isReady(issues, issue, Date.now()), ready, JSON.stringify(fields));
    }
  });

  test('a blocker blocks until it is closed or deleted, whatever status it has meanwhile', () => {
    const waits = [
      'add',
      'bd-w',
      line('bd-w', { dependencies: [{ type: 'blocks', depends_on_id: 'bd-b' }] }),
    ] as const;
    const isFree = (...records: readonly Folded[]): boolean => {
      const issues = folded(waits, ...records);
      return isReady(issues, issues.get('bd-w') as Issue, Date.now());
    };
    for (const status of ['open', 'in_progress', 'blocked', 'deferred', 'hooked', 'done'])
      assert.equal(isFree(['add', 'bd-b', line('bd-b', { status })]), false, status);
    for (const status of ['closed', 'tombstone'])
      assert.equal(isFree(['add', 'bd-b', line('bd-b', { status })]), true, status);
    const added = ['add', 'bd-b', line('bd-b')] as const;
    assert.equal(isFree(added, ['delete', 'bd-b']), true);
    assert.equal(isFree(added, ['delete', 'bd-b', line('bd-b', { status: 'tombstone' })]), true);
    assert.equal(isFree(added, ['close', 'bd-b'], ['reopen', 'bd-b']), false);
  });

  test('what beads says of an issue survives changes, a compaction and the mirror', () =>
    inTracker('tracker-beads-survives', async (tracker, mirror, directory) => {
      const other = { id: 'bd-x', status: 'tombstone', deleted_by: 'carol' };
      const memory = { _type: 'memory', key: 'k', value: 'v' };
      write(mirror, [{ _schema: 'beads/1' }, RICH, line('bd-a'), line('bd-x', other), memory]);
      const before = linesIn(mirror);
      const { taken } = await takeIn(tracker.issues, mirror, false);
      assert.deepEqual(taken, ['bd-rich', 'bd-a', 'bd-x']);
      await tracker.close();
      const wal = await Wal.open(join(directory, '.beads'), { fold: ISSUES });
      await wal.compact({ retain: 1 });
      await wal.close();

      const again = await Tracker.open(directory);
      try {
        await keepMirror(again.issues, again.directory);
        const sorted = [before[0], before[2], before[1], before[3], before[4]];
        assert.deepEqual(linesIn(mirror), sorted);
        assert.deepEqual(Object.keys(lineOf(mirror, 'bd-rich') ?? {}), [
          ...Object.keys(RICH).slice(0, 4),
          ...[
            'priority',
            'issue_type',
            'assignee',
            'created_at',
            'created_by',
            'updated_at',
            'external_ref',
            'labels',
            'dependencies',
            'comments',
            'x_team',
            'x_weight',
          ],
        ]);
        await again.change(update('bd-rich', { title: 'Changed' }, false, 'me'));
        await again.change(reopen('bd-rich', 'me'));
        await again.change(close('bd-a', 'me', false));
        await again.change(claim('bd-rich', 'dave', undefined, false));
        await again.change(close('bd-rich', 'dave', false));
        await keepMirror(again.issues, again.directory);
        const { updated_at, closed_at, ...rest } = lineOf(mirror, 'bd-rich') ?? {};
        const { updated_at: _, ...was } = RICH;
        assert.deepEqual(rest, { ...was, title: 'Changed', status: 'closed', assignee: 'dave' });
        assert.equal(closed_at, updated_at);
      } finally {
        await again.close();
      }
    }));

  test('reopen makes any issue open that is not; a claim says so', () =>
    inTracker('tracker-beads-reopen', async (tracker, mirror) => {
      write(mirror, [
        line('bd-a', { status: 'deferred', defer_until: '2999-01-01T00:00:00Z' }),
        line('bd-b', { status: 'in_progress' }),
        line('bd-c', { defer_until: '2999-01-01T00:00:00Z' }),
      ]);
      await takeIn(tracker.issues, mirror, false);
      await assert.rejects(tracker.change(claimNext('me', undefined)), { code: 'NOTHING_READY' });
      for (const id of ['bd-a', 'bd-b', 'bd-c']) {
        await assert.rejects(
          tracker.change(claim(id, 'me', undefined, false)),
          /"reopen bd-.*" makes it open/,
        );
        await tracker.change(reopen(id, 'me'));
        const { claim: held } = await tracker.change(claim(id, 'me', undefined, false));
        assert.equal(held?.by, 'me');
        await assert.rejects(tracker.change(reopen(id, 'me')), { code: 'WRONG_STATE' });
      }
    }));

  test('the mirror never takes the place of a file that holds what the log does not have', () =>
    inTracker('tracker-beads-kept', async (tracker, mirror) => {
      const { issues, directory } = tracker;
      write(mirror, [line('bd-a', { labels: ['x'] }), line('bd-gone')]);
      await takeIn(issues, mirror, false);
      await tracker.change(remove('bd-gone', 'me'));
      await tracker.change(update('bd-a', { title: 'New' }, false, 'me'));
      await syncMirror(issues, directory, false);
      const [now = {}] = linesIn(mirror);
      const refused: readonly (readonly [RegExp, readonly unknown[]])[] = [
        [/has bd-theirs,/, [now, line('bd-theirs')]],
        [/a newer bd-a,/, [{ ...now, updated_at: '2999-01-01T00:00:00Z' }]],
        [/a newer bd-gone,/, [now, line('bd-gone', { updated_at: '2999-01-01T00:00:00Z' })]],
        [/another labels of bd-a,/, [{ ...now, labels: ['x', 'y'] }]],
        [/another status of bd-a,/, [{ ...now, status: 'deferred' }]],
        [/another notes of bd-a,/, [line('bd-a', { notes: 'by hand' })]],
        [/another title of bd-a,/, [{ id: 'bd-a', title: 'By hand, without a time' }]],
        [/a line that is not JSON.* says why it cannot/, [now, '<<<<<<< HEAD']],
        [/a line that is not JSON/, [`{"id":"bd-a","x":12345678901234567890}`]],
      ];
      for (const [reason, lines] of refused) {
        const text = lines.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join('\n');
        writeFileSync(mirror, text);
        await assert.rejects(keepMirror(issues, directory), { code: 'FILE_HAS_MORE', message: reason }, text);
        await assert.rejects(syncMirror(issues, directory, false), reason);
        assert.equal(readFileSync(mirror, 'utf8'), text);
      }
      // What it knows, or what came before, is no reason.
      for (const lines of [
        [],
        [line('bd-a')],
        [{ ...now }, line('bd-gone')],
        [{ _type: 'memory', key: 'k' }, now],
      ]) {
        write(mirror, lines);
        await keepMirror(issues, directory);
        assert.deepEqual(linesIn(mirror).at(-1), now);
      }
      // In Latin-1.
      const memory = Buffer.from('{"_type":"memory","value":"\xe9"}\n', 'latin1');
      writeFileSync(mirror, memory);
      await assert.rejects(syncMirror(issues, directory, false), /what is not UTF-8/);
      await assert.rejects(takeIn(issues, mirror, true), { code: 'BAD_FILE', message: /is not UTF-8/ });
      assert.deepEqual(readFileSync(mirror), memory);
      writeFileSync(mirror, '<<<<<<< HEAD\n');
      await syncMirror(issues, directory, true);
      assert.deepEqual(linesIn(mirror), [now]);
    }));

  test('what the file has and a tracker does not know yet is no reason to leave it', () =>
    inTracker('tracker-beads-late', async (late, mirror, directory) => {
      const other = await Tracker.open(directory);
      try {
        const { id } = await other.change(create({ title: 'Theirs' }, 'other', 'nonce'));
        await keepMirror(other.issues, other.directory);
        assert.ok(!late.issues.has(id), 'it must not know what came');
        await keepMirror(late.issues, late.directory);
        assert.deepEqual(
          linesIn(mirror).map((each) => each.id),
          [id],
        );
      } finally {
        await other.close();
      }
    }));

  test('an import takes what is new or newer, lists what is older, and takes that too where it is forced', () =>
    inTracker('tracker-beads-import', async (tracker, mirror) => {
      const { issues } = tracker;
      const fates = async (lines: readonly Line[], force = false) => {
        write(mirror, lines);
        return Object.values(await takeIn(issues, mirror, force)).map((ids) => ids.join());
      };
      const newer = line('bd-a', { title: 'Newer', updated_at: LATER });
      assert.deepEqual(await fates([newer, RICH]), ['bd-a,bd-rich', '', '']);
      assert.deepEqual(await fates([newer, RICH]), ['', 'bd-a,bd-rich', '']);
      assert.deepEqual(await fates([line('bd-a')]), ['', '', 'bd-a']);
      assert.equal(issues.get('bd-a')?.title, 'Newer');
      assert.deepEqual(await fates([line('bd-a')], true), ['bd-a', '', '']);
      assert.equal(issues.get('bd-a')?.title, 'Issue bd-a');
      // By hand, without another time, and without any.
      assert.deepEqual(await fates([line('bd-a', { labels: ['x'] })]), ['bd-a', '', '']);
      assert.deepEqual(await fates([{ id: 'bd-a', title: 'By hand' }]), ['bd-a', '', '']);
      assert.deepEqual(await fates([{ ...line('bd-a'), updated_at: undefined }]), ['', '', 'bd-a']);

      await tracker.change(remove('bd-a', 'me'));
      assert.deepEqual(await fates([line('bd-a')]), ['', '', 'bd-a']);
      assert.deepEqual(await fates([line('bd-a', { updated_at: '2999-01-01T00:00:00Z' })]), ['bd-a', '', '']);
      assert.equal(issues.get('bd-a')?.status, 'open');

      const { seq } = issues;
      writeFileSync(mirror, `${JSON.stringify(line('bd-new'))}\n=======\n`);
      await assert.rejects(takeIn(issues, mirror, true), /Nothing was taken in: line 2/);
      assert.equal(issues.seq, seq);
    }));

  test('fields that mean something here, and an empty list, are written back as a file has them', () =>
    inTracker('tracker-beads-words', async ({ issues, directory }, mirror) => {
      const odd = line('bd-a', { by: 'x', claim: { by: 'x', until: 5 }, dependencies: [] });
      const undated = { id: 'bd-b', title: 'Undated', by: 'x' };
      write(mirror, [odd, undated]);
      await takeIn(issues, mirror, false);
      await keepMirror(issues, directory);
      assert.deepEqual(lineOf(mirror, 'bd-a'), odd);
      assert.equal(lineOf(mirror, 'bd-b')?.by, 'x');
      assert.equal(issues.get('bd-a')?.claim, undefined);
    }));

  test('a lease survives an import of the issue that it is on', () =>
    inTracker('tracker-beads-lease', async (tracker, mirror) => {
      const { issues, directory } = tracker;
      write(mirror, [line('bd-a')]);
      await takeIn(issues, mirror, false);
      const { claim: leased } = await tracker.change(claim('bd-a', 'alice', 60_000, false));
      await keepMirror(issues, directory);
      write(mirror, [{ ...lineOf(mirror, 'bd-a'), updated_at: '2999-01-01T00:00:00Z', labels: ['x'] }]);
      await takeIn(issues, mirror, false);
      assert.deepEqual(issues.get('bd-a')?.claim, leased);
    }));

  test('a dependency that is taken away is gone from the mirror, those of other kinds stay', () =>
    inTracker('tracker-beads-dependencies', async (tracker, mirror) => {
      const { issues, directory } = tracker;
      write(mirror, [RICH, line('bd-a'), line('bd-b')]);
      await takeIn(issues, mirror, false);
      const kinds = async () => {
        await keepMirror(issues, directory);
        const { dependencies } = lineOf(mirror, 'bd-rich') as { dependencies: Line[] };
        return dependencies.map(({ type, depends_on_id }) => `${type} ${depends_on_id}`);
      };
      await tracker.change(block('bd-rich', 'bd-b', 'me'));
      assert.deepEqual(await kinds(), ['blocks bd-a', 'parent-child bd-b', 'blocks bd-b']);
      await tracker.change(unblock('bd-rich', 'bd-a', 'me'));
      assert.deepEqual(await kinds(), ['parent-child bd-b', 'blocks bd-b']);
    }));

  test('the mirror keeps the mode of its file, and a link that it is, also one that leads nowhere yet', () =>
    inTracker('tracker-beads-link', async (tracker, mirror, scratch) => {
      const { issues, directory } = tracker;
      const { id } = await tracker.change(create({ title: 'Linked' }, 'me', 'nonce'));
      const target = join(scratch, 'away', 'mine.jsonl');
      mkdirSync(join(scratch, 'away'));
      symlinkSync(join('..', 'away', 'mine.jsonl'), mirror);
      for (const _ of ['made', 'written over']) {
        await syncMirror(issues, directory, false);
        assert.ok(lstatSync(mirror).isSymbolicLink());
        assert.equal(linesIn(target)[0]?.id, id);
        chmodSync(target, 0o604);
        await tracker.change(update(id, { title: 'Again' }, false, 'me'));
      }
      await keepMirror(issues, directory);
      assert.equal(linesIn(target)[0]?.title, 'Again');
      assert.equal(statSync(target).mode & 0o777, 0o604);

      rmSync(mirror);
      symlinkSync(scratch, mirror);
      await assert.rejects(syncMirror(issues, directory, false), {
        code: 'BAD_FILE',
        message: /is not a file/,
      });
      assert.ok(lstatSync(mirror).isSymbolicLink());
      rmSync(mirror);
      symlinkSync('issues.jsonl', mirror);
      await assert.rejects(syncMirror(issues, directory, false), /leads to itself/);
    }));

  test('a change that comes while a clock has gone back is newer all the same', () => {
    const [before, after] = [[], [['update', 'bd-a', { title: 'x' }]] as Folded[]].map(
      (more: readonly Folded[]) =>
        folded(['add', 'bd-a', line('bd-a', { updated_at: LATER })], ...more).get('bd-a')?.updatedAt,
    );
    assert.equal(after, (before ?? 0) + 1);
  });
});
