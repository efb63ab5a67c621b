import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  block,
  type Change,
  claim,
  claimNext,
  close,
  create,
  remove,
  update,
} from '../../examples/issue-tracker/changes.ts';
import { ISSUES } from '../../examples/issue-tracker/fold.ts';
import { newId } from '../../examples/issue-tracker/id.ts';
import { claimOf, type Issue, isReady } from '../../examples/issue-tracker/issues.ts';
import { makeMany } from '../../examples/issue-tracker/make-many.ts';
import { keepMirror } from '../../examples/issue-tracker/mirror.ts';
import { Tracker } from '../../examples/issue-tracker/tracker.ts';
import { Wal } from '../../src/index.ts';
import { ended, type Run, runHere } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

const MAIN = fileURLToPath(
  new URL(`../../examples/issue-tracker/main${extname(import.meta.url)}`, import.meta.url),
);

const AS_TESTER = { ISSUE_AGENT: 'tester' };

/** Runs one command of the tracker in a directory, in this process. */
function run(directory: string, ...args: string[]): Promise<Run> {
  return runHere(directory, args, '', AS_TESTER, MAIN);
}

/** The same as a process of its own, for where many do it at once. */
function runApart(directory: string, ...args: string[]): Promise<Run> {
  return runNode(directory, [MAIN, ...args]);
}

function runNode(directory: string, args: readonly string[]): Promise<Run> {
  const env = { ...process.env, ...AS_TESTER };
  return ended(spawn(process.execPath, args, { cwd: directory, env, timeout: 300_000 }));
}

/** What a command that must succeed prints, without the last newline. */
async function ok(directory: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(directory, ...args);
  assert.equal(code, 0, `${args.join(' ')} failed: ${stderr}`);
  return stdout.trimEnd();
}

async function okJson<T>(directory: string, ...args: string[]): Promise<T> {
  return JSON.parse(await ok(directory, ...args, '--json')) as T;
}

/** A new tracker in a scratch directory. */
function inTracker(name: string, body: (directory: string) => Promise<void>): Promise<void> {
  return inScratch(name, async (directory) => {
    await (await Tracker.init(directory)).close();
    await body(directory);
  });
}

/** Makes changes one after the other, in this process: for what a test begins with. */
async function change(directory: string, ...changes: Change[]): Promise<Issue[]> {
  const tracker = await Tracker.open(directory);
  try {
    const issues: Issue[] = [];
    for (const next of changes) {
      issues.push(await tracker.change(next));
      // So that no two are of the same millisecond: among those, ids decide which is the older.
      await sleep(2);
    }
    return issues;
  } finally {
    await tracker.close();
  }
}

function add(title: string, priority = 2): Change {
  return create({ title, priority }, 'tester', title);
}

async function addAll(directory: string, ...titles: string[]): Promise<string[]> {
  return (await change(directory, ...titles.map((title) => add(title)))).map(({ id }) => id);
}

/** Runs a body with so many trackers on one log, open in this process. */
async function withTrackers(directory: string, count: number, body: (all: Tracker[]) => Promise<void>) {
  const trackers = await Promise.all(Array.from({ length: count }, () => Tracker.open(directory)));
  try {
    await body(trackers);
  } finally {
    for (const tracker of trackers) await tracker.close();
  }
}

/** The mirror's issues, by id; each line must be one. */
function mirrored(directory: string): Map<string, Record<string, unknown>> {
  const text = readFileSync(join(directory, '.beads', 'issues.jsonl'), 'utf8');
  const lines = text.split('\n').slice(0, -1);
  const issues = lines.map((line) => JSON.parse(line) as { id: string });
  const ids = issues.map(({ id }) => id);
  assert.deepEqual(ids, [...ids].sort());
  return new Map(issues.map((issue) => [issue.id, issue]));
}

/** Every issue that ever was, by id. */
async function stateOf(directory: string): Promise<Map<string, Issue>> {
  const tracker = await Tracker.open(directory, { readOnly: true });
  try {
    return new Map(tracker.issues.list().map(({ id, value }) => [id, value]));
  } finally {
    await tracker.close();
  }
}

/** Compacts, so that nothing is left of the records before. */
async function compact(directory: string): Promise<void> {
  const wal = await Wal.open(join(directory, '.beads'), { fold: ISSUES });
  try {
    await wal.compact({ retain: 1 });
  } finally {
    await wal.close();
  }
}

const temporaries = (directory: string) =>
  readdirSync(join(directory, '.beads')).filter((name) => name.endsWith('.tmp'));

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('the issue tracker example', () => {
  test('an issue is created, edited, claimed, closed, reopened and deleted, and its history tells it all', () =>
    inScratch('tracker-life', async (directory) => {
      assert.equal(await ok(directory, 'init'), join(directory, '.beads'));
      const below = join(directory, 'src', 'deep');
      mkdirSync(below, { recursive: true });
      const id = await ok(below, 'create', 'Fix the login', '-d', 'It fails\non Mondays', '-p', '1');
      assert.match(id, /^bd-[0-9a-f]{4}$/);
      await ok(below, 'update', id, '--title', 'Fix the login page', '-p', '0', '--as', 'bob');
      assert.match(await ok(below, 'claim', id, '--as', 'alice'), /claimed by alice/);
      assert.match(await ok(below, 'list'), new RegExp(`^${id} +P0 +claimed by alice +Fix the login page$`));
      assert.match(await ok(below, 'close', id, '--as', 'alice'), /closed/);
      assert.equal(await ok(below, 'list'), '');
      assert.match(await ok(below, 'list', '--all'), /closed/);
      await ok(below, 'reopen', id);
      const { createdAt, updatedAt, ...shown } = await okJson<Issue>(below, 'show', id);
      assert.deepEqual(shown, {
        id,
        title: 'Fix the login page',
        description: 'It fails\non Mondays',
        priority: 0,
        status: 'open',
        createdBy: 'tester',
        blockedBy: [],
        other: { assignee: 'alice' },
      });
      assert.ok(updatedAt > createdAt);
      await ok(below, 'delete', id);

      const gone = await run(below, 'close', id);
      assert.deepEqual([gone.code, gone.stdout], [1, '']);
      assert.match(gone.stderr, new RegExp(`${id} was deleted`));

      const records = await okJson<{ op: string; data: { by: string } }[]>(below, 'history', id);
      assert.deepEqual(
        records.map(({ op, data }) => [op, data.by]),
        [
          ['add', 'tester'],
          ['update', 'bob'],
          ['update', 'alice'],
          ['close', 'alice'],
          ['reopen', 'tester'],
          ['delete', 'tester'],
        ],
      );
    }));

  test('ten processes claim one issue at once: one has it, nine are told who', () =>
    inTracker('tracker-claim', async (directory) => {
      const [id = ''] = await addAll(directory, 'Wanted');
      const ran = await Promise.all(
        numbers(10).map((n) => runApart(directory, 'claim', id, '--as', `agent-${n}`)),
      );
      assert.equal(ran.filter(({ code }) => code === 0).length, 1);
      const winner = `agent-${ran.findIndex(({ code }) => code === 0) + 1}`;
      for (const { code, stderr, stdout } of ran.filter(({ code }) => code !== 0)) {
        assert.deepEqual(
          { code, stdout, stderr },
          { code: 3, stdout: '', stderr: `${id} is claimed by ${winner}.\n` },
        );
      }
      const told = await run(directory, 'claim', id, '--as', 'late', '--json');
      assert.equal(told.code, 3);
      assert.equal(JSON.parse(told.stderr).error.claimedBy, winner);
    }));

  test('eight processes claim the next of five ready issues: five have one each, three are told that there is none', () =>
    inTracker('tracker-claim-next', async (directory) => {
      const ids = await addAll(directory, ...numbers(7).map((n) => `Issue ${n}`));
      const [blocked = '', blocker = '', ...free] = ids;
      await change(directory, block(blocked, blocker, 'tester'), claim(blocker, 'busy', undefined, false));
      const ran = await Promise.all(
        numbers(8).map((n) => runApart(directory, 'claim', '--next', '--as', `agent-${n}`, '--json')),
      );
      const claimed = ran.flatMap(({ code, stdout }, i) => {
        if (code !== 0) return [];
        const issue = JSON.parse(stdout) as Issue;
        assert.equal(issue.claim?.by, `agent-${i + 1}`);
        return [issue.id];
      });
      assert.deepEqual(claimed.sort(), free.sort());
      const told = ran.filter(({ code }) => code !== 0);
      assert.equal(told.length, 3);
      for (const { code, stderr } of told) {
        assert.equal(code, 1, stderr);
        assert.equal(JSON.parse(stderr).error.code, 'NOTHING_READY');
      }
      const codes = await Promise.all([
        run(directory, 'claim'),
        run(directory, 'claim', blocked, '--next'),
        run(directory, 'claim', '--next', '--renew'),
      ]);
      assert.deepEqual(
        codes.map(({ code }) => code),
        [2, 2, 2],
      );
    }));

  test('the next issue is the most urgent one that is ready, for a lease if one is asked for', () =>
    inTracker('tracker-next', async (directory) => {
      const made = await change(directory, add('later', 3), add('old', 1), add('new', 1), add('first', 0));
      const [later = '', old = '', young = '', first = ''] = made.map(({ id }) => id);
      const at50s: Change = (tx) => claimNext('alice', 1000)(tx, 50_000);
      const [leased, ...rest] = await change(
        directory,
        at50s,
        claimNext('bob', undefined),
        block(young, later, 'tester'),
        claimNext('carol', undefined),
      );
      assert.deepEqual([leased?.id, leased?.claim], [first, { by: 'alice', until: 51_000 }]);
      // The lease was over when bob asked.
      assert.deepEqual([rest[0]?.id, rest[0]?.claim?.by], [first, 'bob']);
      assert.deepEqual([rest[2]?.id, rest[2]?.claim?.by], [old, 'carol']);
    }));

  test('ten trackers that decide on the same state claim one issue: the log lets one through', () =>
    inTracker('tracker-claim-same-state', (directory) =>
      withTrackers(directory, 10, async (trackers) => {
        const [id = ''] = await addAll(directory, 'Wanted');
        await Promise.all(trackers.map((tracker) => tracker.issues.refresh()));
        const claims = await Promise.allSettled(
          trackers.map((tracker) => tracker.change(claim(id, 'the same agent', undefined, false))),
        );
        assert.equal(claims.filter(({ status }) => status === 'fulfilled').length, 1);
        for (const result of claims) {
          if (result.status === 'rejected') assert.equal(result.reason.code, 'CLAIMED');
        }
        assert.equal((await trackers[0]?.history(id))?.records.length, 2);
      }),
    ));

  test('a change that others merely came before is made all the same, on the state they left', () =>
    inTracker('tracker-retry', (directory) =>
      withTrackers(directory, 8, async (trackers) => {
        const ids = await addAll(directory, ...numbers(8).map((n) => `Issue ${n}`));
        await Promise.all(trackers.map((tracker) => tracker.issues.refresh()));
        await Promise.all(
          trackers.map((tracker, i) => tracker.change(claim(ids[i] ?? '', `agent-${i}`, undefined, false))),
        );
        const { issues } = trackers[0] as Tracker;
        await issues.refresh();
        assert.deepEqual(
          ids.map((id) => issues.get(id)?.claim?.by),
          trackers.map((_, i) => `agent-${i}`),
        );
      }),
    ));

  test('eight processes create an issue each at once: all are there and in the mirror, and no two ids are the same', () =>
    inTracker('tracker-create', async (directory) => {
      const ids = await Promise.all(
        numbers(8).map(async (n) => {
          const { code, stdout, stderr } = await runApart(directory, 'create', `Issue ${n}`);
          assert.deepEqual([code, stderr], [0, '']);
          return stdout.trimEnd();
        }),
      );
      assert.equal(new Set(ids).size, 8);
      const list = await okJson<Issue[]>(directory, 'list');
      assert.deepEqual(
        list.map(({ id, title }) => `${id} ${title}`).sort(),
        ids.map((id, i) => `${id} Issue ${i + 1}`).sort(),
      );
      assert.deepEqual([...mirrored(directory).keys()], [...ids].sort());
      assert.deepEqual(temporaries(directory), []);
    }));

  test('trackers that come to the same id at once get longer ones', () =>
    inTracker('tracker-same-id', (directory) =>
      withTrackers(directory, 3, async (trackers) => {
        const twin: Change = (tx) => create({ title: 'Twin' }, 'tester', 'same')(tx, 0);
        const made = await Promise.all(trackers.map((tracker) => tracker.change(twin)));
        const longest = newId('Twin', 0, 'same', (id) => id.length < 'bd-'.length + 6);
        assert.deepEqual(
          made.map(({ id }) => id).sort(),
          [4, 5, 6].map((n) => longest.slice(0, 3 + n)),
        );
      }),
    ));

  test('a claim with a lease keeps others out until it has run out, then anyone can take the issue', () =>
    inTracker('tracker-lease', async (directory) => {
      const [id = ''] = await addAll(directory, 'Leased');
      await change(directory, claim(id, 'alice', 30 * 60_000, false));
      const refused = await run(directory, 'claim', id, '--as', 'bob');
      assert.equal(refused.code, 3);
      assert.match(refused.stderr, /claimed by alice until 20\d\d-/);
      assert.equal((await run(directory, 'claim', id, '--as', 'bob', '--renew')).code, 3);

      await ok(directory, 'claim', id, '--as', 'alice', '--renew', '--lease', '1ms');
      assert.match(await ok(directory, 'ready'), new RegExp(`^${id} `));
      await ok(directory, 'claim', id, '--as', 'bob');

      const late = await run(directory, 'close', id, '--as', 'alice');
      assert.equal(late.code, 3, 'an agent whose lease ran out must not end the work of the next');
      assert.match(late.stderr, /claimed by bob/);
      await ok(directory, 'close', id, '--as', 'alice', '--force');
    }));

  test('a lease ends at its time to the millisecond; a claim that is given up ends at once', () =>
    inTracker('tracker-lease-end', async (directory) => {
      const [id = ''] = await addAll(directory, 'Leased');
      const at50s: Change = (tx) => claim(id, 'alice', 1000, false)(tx, 50_000);
      const [leased] = (await change(directory, at50s)) as [Issue];
      assert.deepEqual(leased.claim, { by: 'alice', until: 51_000 });
      assert.equal(claimOf(leased, 50_999)?.by, 'alice');
      assert.equal(claimOf(leased, 51_000), undefined);
      assert.equal(isReady(new Map(), leased, 50_999), false);
      assert.equal(isReady(new Map(), leased, 51_000), true);

      const [taken, released] = await change(
        directory,
        claim(id, 'bob', undefined, false),
        update(id, {}, true, 'bob'),
      );
      assert.deepEqual(taken?.claim, { by: 'bob' });
      assert.equal(released?.claim, undefined);
    }));

  test('ready lists what is open, unblocked and unclaimed, the most urgent first, then the oldest', () =>
    inTracker('tracker-ready', async (directory) => {
      const made = await change(directory, add('later', 3), add('old', 1), add('new', 1), add('first', 0));
      const [later = '', old = '', young = '', first = ''] = made.map(({ id }) => id);
      const ready = async () => (await okJson<Issue[]>(directory, 'ready')).map(({ id }) => id);
      assert.deepEqual(await ready(), [first, old, young, later]);

      assert.match(await ok(directory, 'block', first, later), new RegExp(`blocked by ${later}`));
      await change(directory, claim(old, 'alice', undefined, false));
      assert.deepEqual(await ready(), [young, later]);
      const blocked = await run(directory, 'claim', first);
      assert.deepEqual([blocked.code, blocked.stderr.includes(`blocked by ${later}`)], [1, true]);

      await change(directory, close(later, 'tester', false), block(first, young, 'tester'));
      assert.deepEqual(await ready(), [young]);
      await ok(directory, 'unblock', first, young);
      assert.deepEqual(await ready(), [first, young]);
    }));

  test('ready and list stop at a limit and say so; list filters by status, priority and who has it', () =>
    inTracker('tracker-list', async (directory) => {
      const made = await change(directory, ...numbers(12).map((n) => add(`Issue ${n}`, n % 4)));
      const ids = [...made]
        .sort((a, b) => a.priority - b.priority || a.createdAt - b.createdAt)
        .map(({ id }) => id);
      const [a = '', b = '', c = ''] = ids;
      await change(directory, claim(b, 'alice', undefined, false), close(c, 'tester', false));
      const listed = async (...args: string[]) =>
        (await okJson<Issue[]>(directory, ...args)).map(({ id }) => id);
      const open = ids.filter((id) => id !== c);

      const few = await run(directory, 'ready', '-n', '3', '--json');
      const expected = [a, ...open.slice(2, 4)];
      assert.deepEqual(
        JSON.parse(few.stdout).map(({ id }: Issue) => id),
        expected,
      );
      assert.match(few.stderr, /There are more: use --all/);
      const all = await run(directory, 'ready');
      assert.deepEqual([all.stderr, all.stdout.trimEnd().split('\n').length], ['', 10]);
      assert.deepEqual(await listed('ready', '--all'), [a, ...open.slice(2)]);

      assert.deepEqual(await listed('list'), open);
      assert.deepEqual(await listed('list', '-n', '2'), open.slice(0, 2));
      assert.deepEqual(await listed('list', '--all'), [...open, c]);
      assert.deepEqual(await listed('list', '--status', 'closed'), [c]);
      assert.deepEqual(await listed('list', '--status', 'open', '--all'), open);
      assert.deepEqual(await listed('list', '--claimed-by', 'alice'), [b]);
      const second = new Set(made.filter(({ priority }) => priority === 1).map(({ id }) => id));
      assert.deepEqual(
        await listed('list', '-p', '1'),
        open.filter((id) => second.has(id)),
      );
      for (const wrong of [
        ['-n', '0'],
        ['-p', '5'],
        ['--status', 'new'],
      ])
        assert.equal((await run(directory, 'list', ...wrong)).code, 2);
    }));

  test('commands that read write nothing, make no lock and load no native module', () =>
    inTracker('tracker-read', async (directory) => {
      const [id = ''] = await addAll(directory, 'Looked at');
      rmSync(join(directory, '.beads', 'wal.lock'));
      const files = () =>
        readdirSync(join(directory, '.beads')).map((name) => {
          const { size, mtimeMs } = statSync(join(directory, '.beads', name));
          return { name, size, mtimeMs };
        });
      const before = files();
      const hook = join(directory, 'no-native.cjs');
      writeFileSync(hook, "process.dlopen = () => { process.stderr.write('native'); process.exit(9); };");
      const commands = [['ready'], ['list', '--all'], ['show', id], ['history', id]];
      const each = `for (const [run, args] of ${JSON.stringify(commands)}.entries()) {
        process.argv.splice(2, Infinity, ...args);
        await import(${JSON.stringify(pathToFileURL(MAIN))} + '?run=' + run);
      }`;
      const { code, stdout, stderr } = await runNode(directory, [
        '--require',
        hook,
        '--input-type=module',
        '--eval',
        each,
        MAIN,
      ]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.equal(stdout.match(/Looked at/g)?.length, commands.length);
      assert.deepEqual(files(), before);
    }));

  test('what was compacted away stays in the state, and history says from where it is known', () =>
    inTracker('tracker-compacted', async (directory) => {
      const [id = '', other = ''] = await addAll(directory, 'Kept', 'Other');
      await compact(directory);
      await ok(directory, 'update', id, '-p', '0');
      assert.deepEqual(
        (await okJson<Issue[]>(directory, 'ready')).map((issue) => issue.id),
        [id, other],
      );
      const { code, stdout, stderr } = await run(directory, 'history', id, '--json');
      assert.equal(code, 0);
      assert.deepEqual(
        JSON.parse(stdout).map(({ seq, op }: { seq: number; op: string }) => [seq, op]),
        [[3, 'update']],
      );
      assert.match(stderr, /Known from entry 3 of the log on/);
      assert.deepEqual((await run(directory, 'history', other)).code, 0);
      assert.equal((await run(directory, 'history', 'bd-none')).code, 1);
    }));

  test('each change is mirrored in issues.jsonl as beads writes issues, by id, without deleted ones', () =>
    inTracker('tracker-mirror', async (directory) => {
      const id = await ok(directory, 'create', 'Mirrored', '-d', 'text', '-p', '0');
      const issue = () => mirrored(directory).get(id);
      const { createdAt } = (await stateOf(directory)).get(id) as Issue;
      const created_at = new Date(createdAt).toISOString();
      const { updated_at, ...made } = issue() ?? {};
      assert.equal(updated_at, created_at);
      assert.deepEqual(made, {
        id,
        title: 'Mirrored',
        description: 'text',
        status: 'open',
        priority: 0,
        created_at,
        created_by: 'tester',
      });
      const other = await ok(directory, 'create', 'Other');
      await ok(directory, 'block', other, id);
      const { dependencies = [] } = mirrored(directory).get(other) as {
        dependencies?: Record<string, unknown>[];
      };
      assert.deepEqual(
        dependencies.map(({ issue_id, depends_on_id, type }) => [issue_id, depends_on_id, type]),
        [[other, id, 'blocks']],
      );
      await ok(directory, 'claim', id, '--as', 'alice');
      assert.deepEqual([issue()?.status, issue()?.assignee], ['in_progress', 'alice']);
      await ok(directory, 'close', id, '--force');
      assert.equal(issue()?.status, 'closed');
      assert.equal(issue()?.closed_at, issue()?.updated_at);
      await ok(directory, 'delete', id);
      assert.deepEqual([...mirrored(directory).keys()], [other]);
    }));

  test('a mirror of an older state that comes last is made again', () =>
    inTracker('tracker-mirror-late', (directory) =>
      withTrackers(directory, 2, async (trackers) => {
        const [late, other] = trackers as [Tracker, Tracker];
        const { id: mine } = await late.change(add('Mine'));
        const { id: theirs } = await other.change(add('Theirs'));
        const { issues, directory: place } = late;
        assert.ok(!issues.has(theirs), 'it must not know what came');
        await keepMirror(issues, place);
        assert.deepEqual([...mirrored(directory).keys()], [mine, theirs].sort());
      }),
    ));

  test('a crash while the mirror is written leaves a file that the next sync takes away, and none that is in use', () =>
    inTracker('tracker-mirror-crash', async (directory) => {
      const id = await ok(directory, 'create', 'Mirrored');
      const mirror = join(directory, '.beads', 'issues.jsonl');
      const gone = await runNode(directory, ['-p', 'process.pid']);
      const dead = `issues.jsonl.${gone.stdout.trim()}-abc.tmp`;
      const alive = `issues.jsonl.${process.pid}-abc.tmp`;
      for (const name of [dead, alive]) writeFileSync(join(directory, '.beads', name), '{"id":');
      writeFileSync(mirror, '');
      assert.equal(await ok(directory, 'sync'), mirror);
      assert.deepEqual(temporaries(directory), [alive]);
      assert.deepEqual([...mirrored(directory).keys()], [id]);
    }));

  test('a large state is mirrored no more than every few seconds, and at once by sync', () =>
    inScratch('tracker-mirror-large', async (directory) => {
      await makeMany(directory, { issues: 2100, open: 0.1, changes: 0, seed: 7 });
      const first = await ok(directory, 'create', 'First');
      assert.ok(mirrored(directory).has(first));
      assert.equal(mirrored(directory).size, 2101);
      // Made just now, whatever the clock says.
      const mirror = join(directory, '.beads', 'issues.jsonl');
      const ahead = Date.now() / 1000 + 3600;
      utimesSync(mirror, ahead, ahead);
      const second = await ok(directory, 'create', 'Second');
      assert.ok(!mirrored(directory).has(second));
      await ok(directory, 'sync');
      assert.ok(mirrored(directory).has(second));
      utimesSync(mirror, 0, 0);
      const third = await ok(directory, 'create', 'Third');
      assert.ok(mirrored(directory).has(third));
    }));

  test('the mirror, imported from beads, gives the same issues', () =>
    inTracker('tracker-mirror-import', async (directory) => {
      const made = await change(directory, ...numbers(6).map((n) => add(`Issue ${n}`, n % 5)));
      const [a = '', b = '', c = '', d = '', e = ''] = made.map(({ id }) => id);
      await change(
        directory,
        update(a, { description: 'line\nline', title: 'Edited "\u2028' }, false, 'bob'),
        block(a, b, 'bob'),
        block(a, c, 'bob'),
        claim(b, 'alice', undefined, false),
        close(c, 'carol', false),
        claim(d, 'dave', 1, false),
        remove(e, 'erin'),
      );
      await ok(directory, 'sync');
      const copy = join(directory, 'copy');
      await (await Tracker.init(copy)).close();
      const mirror = join(directory, '.beads', 'issues.jsonl');
      const imported = await runHere(directory, [
        'import',
        '--from',
        'beads',
        mirror,
        '--dir',
        join(copy, '.beads'),
      ]);
      assert.equal(imported.code, 0, imported.stderr);
      const state = await stateOf(directory);
      state.delete(e);
      // A lease that has run out is no claim.
      const { claim: over, ...unclaimed } = state.get(d) as Issue;
      assert.equal(over?.by, 'dave');
      state.set(d, unclaimed);
      assert.deepEqual(await stateOf(copy), state);
    }));

  test('issues that would wait for each other are refused, also when two agents make the two halves at once', () =>
    inTracker('tracker-cycle', async (directory) => {
      const [a = '', b = '', c = ''] = await addAll(directory, 'a', 'b', 'c');
      await change(directory, block(a, b, 'tester'), block(b, c, 'tester'));
      const refused = await run(directory, 'block', c, a);
      assert.equal(refused.code, 1);
      assert.ok(refused.stderr.includes(`${c} -> ${a} -> ${b} -> ${c}`), refused.stderr);
      assert.equal((await run(directory, 'block', a, a)).code, 1);

      const [left = '', right = ''] = await addAll(directory, 'left', 'right');
      await withTrackers(directory, 2, async ([one, other]) => {
        await Promise.all([one?.issues.refresh(), other?.issues.refresh()]);
        const halves = await Promise.allSettled([
          one?.change(block(left, right, 'one')),
          other?.change(block(right, left, 'other')),
        ]);
        assert.deepEqual(halves.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      });
    }));

  test('terminal escapes in a title, a name or an id are shown, never obeyed, and are whole in JSON', () =>
    inTracker('tracker-hostile', async (directory) => {
      const title = 'pay\u001b[2J\u009b31m\r\u0007\u202eload';
      const id = await ok(directory, 'create', title, '-d', `line\n${title}`, '--as', title);
      await change(directory, claim(id, title, undefined, false));
      const outputs = await Promise.all([
        run(directory, 'list'),
        run(directory, 'show', id),
        run(directory, 'history', id),
        run(directory, 'claim', id),
        run(directory, 'show', title),
        run(directory, title),
        run(directory, 'list', '--json'),
      ]);
      for (const { stdout, stderr } of outputs) {
        assert.doesNotMatch(stdout + stderr, /[^\n\P{Cc}]|\u202e/u);
        assert.match(stdout + stderr, /pay\\u001b\[2J/);
      }
      assert.equal(JSON.parse(outputs.at(-1)?.stdout ?? '')[0].title, title);
    }));

  test('without a tracker a command says how to begin; wrong usage and unknown issues have their exit codes', () =>
    inScratch('tracker-usage', async (scratch) => {
      // The scratch directory is inside of a project that may have a tracker of its own.
      const away = await run(tmpdir(), 'list');
      assert.equal(away.code, 1);
      assert.match(away.stderr, /run "init" to begin/);
      await (await Tracker.init(scratch)).close();
      const codes = await Promise.all([
        run(scratch, 'create', ' '),
        run(scratch, 'create', 'x', '-p', '9'),
        run(scratch, 'claim', 'bd-0000', '--lease', 'long'),
        run(scratch, 'update', 'bd-0000'),
        run(scratch, 'close', 'bd-0000'),
        run(scratch, '--help'),
      ]);
      assert.deepEqual(
        codes.map(({ code }) => code),
        [2, 2, 2, 2, 1, 0],
      );
      assert.deepEqual(readdirSync(scratch), ['.beads']);
    }));

  test('records of another shape in the log change nothing they do not say', () => {
    const issues = new Map<string, Issue>();
    const apply = (op: string, id: string, data?: unknown) => {
      const record = { seq: 1, ts: 5, op, id, data, writer: 'w.1', crc: '', prev: '' };
      const issue = ISSUES.apply(issues.get(id), record);
      if (issue !== undefined) issues.set(id, issue as Issue);
    };
    apply('add', 'bd-1', { title: 'From beads', status: 'closed', priority: 'high', claim: 'me' });
    apply('add', 'bd-2', {
      dependencies: [null, 'x', { type: 'blocks' }, { type: 'related', depends_on_id: 'bd-1' }],
    });
    apply('explode', 'bd-2', { title: 'x' });
    apply('update', 'bd-3', { title: 'never added' });
    apply('update', 'bd-2', null);
    assert.deepEqual([...issues.keys()], ['bd-1', 'bd-2']);
    const { title, status, priority, claim: held } = issues.get('bd-1') as Issue;
    assert.deepEqual([title, status, priority, held], ['From beads', 'closed', 2, undefined]);
    assert.deepEqual([issues.get('bd-2')?.title, issues.get('bd-2')?.blockedBy], ['', []]);
  });
});
