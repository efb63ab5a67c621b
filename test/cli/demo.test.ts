import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type LogRecord, Wal } from '../../src/index.ts';
import { ended, PROGRAM, type Run, runHere, start } from '../../src/lab/command-line.ts';
import { type DemoPlan, type DemoProgress, runDemo } from '../../src/lab/demo.ts';
import { sampleEntries } from '../../src/lab/sample.ts';
import { kernelLockLoads } from '../../src/lock/kernel.ts';
import { inScratch } from '../support/scratch.ts';
import { noSignals } from '../support/system.ts';

const TIMEOUT_MS = 300_000;

/** Runs `jsonl-wal demo` in this process. */
function demo(args: readonly string[]): Promise<Run> {
  return runHere('.', ['demo', ...args]);
}

/** The same as a process of its own, while something else happens. */
async function demoApart(
  args: readonly string[],
  meanwhile: (interrupt: () => void) => Promise<void>,
): Promise<Run> {
  const child = start('.', ['demo', ...args]);
  const over = ended(child);
  await meanwhile(() => child.kill('SIGINT'));
  return over;
}

/** Resolves once there are entries in the log. */
async function begun(directory: string): Promise<void> {
  for (const start = performance.now(); ; await setTimeout(10)) {
    const size = statSync(join(directory, '00000000000000000001.jsonl'), { throwIfNoEntry: false })?.size;
    if (size) return;
    assert.ok(performance.now() - start < TIMEOUT_MS, `nothing was appended in ${directory}`);
  }
}

/**
 * Runs a trial in which something is to happen before all is appended, with more and more entries until it came in time.
 */
async function inTime(scratch: string, trial: (log: string, entries: number) => Promise<boolean>) {
  for (const entries of [500, 5000, 50_000])
    if (await trial(join(scratch, `log-${entries}`), entries)) return;
  assert.fail('it never came in time');
}

async function recordsIn(directory: string): Promise<LogRecord<Record<string, unknown>>[]> {
  const wal = await Wal.open(directory, { readOnly: true, create: false });
  try {
    const records = [];
    for await (const record of wal.read<Record<string, unknown>>()) records.push(record);
    return records;
  } finally {
    await wal.close();
  }
}

function planFor(directory: string, entries: number): DemoPlan {
  return {
    directory,
    processes: 3,
    inFlight: 1,
    lock: 'auto',
    durability: 'sync',
    source: { kind: 'sample', entries, seed: 7 },
  };
}

function newProgress(): DemoProgress {
  return { phase: 'reading', entries: 0, members: [], startedAt: undefined };
}

describe('the demo', () => {
  for (const lock of ['kernel', 'lockfile', 'none'] as const) {
    const skip = lock === 'kernel' && !kernelLockLoads() ? 'the kernel lock does not load here' : false;
    test(`with the lock ${lock}: three processes append 90 entries, none is lost or doubled`, { skip }, () =>
      inScratch('demo', async (scratch) => {
        const log = join(scratch, 'log');
        const { code, stdout } = await demo([
          '--entries',
          '90',
          '--processes',
          '3',
          '--lock',
          lock,
          '--dir',
          log,
          '--json',
        ]);
        assert.equal(code, 0);
        const result = JSON.parse(stdout);
        const { ok, entries, acknowledged, lost, doubled, foreign, reordered, untold } = result;
        assert.deepEqual(
          { ok, entries, acknowledged, lost, doubled, foreign, reordered, untold },
          {
            ok: true,
            entries: 90,
            acknowledged: 90,
            lost: 0,
            doubled: 0,
            foreign: 0,
            reordered: 0,
            untold: 0,
          },
        );
        assert.equal(result.lock, lock);
        assert.equal(result.verify.lines.accepted, 90);
        assert.deepEqual(
          result.processes.map((process: { acknowledged: number }) => process.acknowledged),
          [30, 30, 30],
        );
      }),
    );
  }

  test('deals the entries out in turn: each process writes every third, in order', () =>
    inScratch('demo', async (scratch) => {
      const result = await runDemo(planFor(scratch, 100), new AbortController().signal, newProgress());
      assert.equal(result.sound, true);
      const entries = [...sampleEntries(100, 7)];
      const byWriter = new Map<string, number[]>();
      for (const { writer, ts } of await recordsIn(scratch)) {
        const session = writer.slice(0, writer.indexOf('.'));
        byWriter.set(session, [...(byWriter.get(session) ?? []), ts]);
      }
      const shares = [...byWriter.values()].sort(([a = 0], [b = 0]) => a - b);
      const expected = [0, 1, 2].map((p) => entries.filter((_, i) => i % 3 === p).map(({ ts }) => ts));
      assert.deepEqual(shares, expected);
    }));

  test('off a terminal prints plain lines of at most 80 columns', () =>
    inScratch('demo', async (scratch) => {
      const { code, stdout, stderr } = await demo([
        '--entries',
        '50',
        '--processes',
        '2',
        '--dir',
        join(scratch, 'log'),
      ]);
      assert.equal(code, 0);
      assert.match(stdout, /All 50 entries are in the log: none lost, doubled or out of order\./);
      assert.match(stdout, /lost 0, doubled 0, foreign 0, out of order 0/);
      const printed = stdout + stderr;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      assert.doesNotMatch(printed, /[\x00-\x09\x0b-\x1f\x7f]/);
      const wide = printed.split('\n').filter((line) => line.length > 80 && !line.includes(scratch));
      assert.deepEqual(wide, []);
    }));

  test('takes times in seconds and in milliseconds, skips lines that are no entries, and tells their numbers', () =>
    inScratch('demo', async (scratch) => {
      const lines: (string | Buffer)[] = [
        '{"op":"add","id":"a-1","ts":1760293529,"data":{"title":"in seconds"}}',
        'this is not JSON',
        '{"op":"add","id":"a-2","ts":1760293529250,"data":{"title":"a\u2028line separator"}}',
        '',
        '{"op":"add","id":"a-3","colour\\u001b[31m":"red"}',
        '{"id":"a-4"}',
        '{"op":"add","id":"a-5","ts":"yesterday"}',
        Buffer.from('{"op":"add","id":"\xff"}', 'latin1'),
        '["op","add"]',
        '{"op":"wal.seal","id":"a-6"}',
        '{"op":"add","id":"a-7","ts":1760293529.5}\r',
        '{"op":"close","id":"a-1"}',
      ];
      const input = join(scratch, 'history.jsonl.gz');
      writeFileSync(
        input,
        gzipSync(Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]))),
      );
      const log = join(scratch, 'log');
      const before = Date.now();
      const { code, stdout } = await demo(['--input', input, '--processes', '2', '--dir', log]);
      assert.equal(code, 0);
      assert.match(stdout, /skipped +7 lines of the input/);
      assert.match(stdout, /line 2: not JSON/);
      assert.match(stdout, /line 5: unknown field "colour\\u001b\[31m"/);
      assert.match(stdout, /and 2 more/);
      assert.ok(!stdout.includes('\x1b'));
      const records = (await recordsIn(log)).sort((a, b) => a.ts - b.ts);
      assert.deepEqual(
        records.slice(0, 3).map(({ id, ts }) => [id, ts]),
        [
          ['a-1', 1760293529000],
          ['a-2', 1760293529250],
          ['a-7', 1760293529500],
        ],
      );
      assert.equal(records[1]?.data?.title, 'a\u2028line separator');
      assert.equal(records.length, 4);
      assert.ok((records[3]?.ts ?? 0) >= before);

      const again = await demo([
        '--input',
        input,
        '--processes',
        '1',
        '--dir',
        join(scratch, 'log2'),
        '--json',
      ]);
      const { skipped } = JSON.parse(again.stdout);
      assert.deepEqual(
        skipped.map(({ line }: { line: number }) => line),
        [2, 5, 6, 7, 8, 9, 10],
      );
    }));

  test('refuses an input that is missing, empty, a directory or cut short, and makes no log', () =>
    inScratch('demo', async (scratch) => {
      const empty = join(scratch, 'empty.jsonl');
      writeFileSync(empty, '\n\n');
      const cut = join(scratch, 'cut.jsonl.gz');
      const packed = gzipSync('{"op":"add","id":"a-1"}\n'.repeat(1000));
      writeFileSync(cut, packed.subarray(0, packed.length - 12));
      const cases: [string, RegExp][] = [
        [join(scratch, 'missing.jsonl'), /There is no file .*missing\.jsonl/],
        [empty, /There is no entry .* in the input \(it is empty\)/],
        [scratch, /is no ordinary file/],
        [cut, /cut\.jsonl\.gz is damaged or cut short/],
      ];
      for (const [input, message] of cases) {
        const { code, stdout, stderr } = await demo(['--input', input, '--dir', join(scratch, 'log')]);
        assert.deepEqual([code, stdout], [2, '']);
        assert.match(stderr, message);
      }
      assert.deepEqual(readdirSync(scratch).sort(), ['cut.jsonl.gz', 'empty.jsonl']);
    }));

  test('refuses a directory with a log or anything else in it, and leaves it alone', () =>
    inScratch('demo', async (scratch) => {
      const log = join(scratch, 'log');
      assert.equal((await demo(['--entries', '5', '--processes', '1', '--dir', log])).code, 0);
      const segment = join(log, '00000000000000000001.jsonl');
      const before = readFileSync(segment);
      const used = await demo(['--entries', '5', '--dir', log]);
      assert.equal(used.code, 2);
      assert.match(used.stderr, /holds a log of 5 entries/);
      assert.deepEqual(readFileSync(segment), before);

      const other = join(scratch, 'other');
      mkdirSync(other);
      writeFileSync(join(other, 'notes.txt'), 'mine');
      const full = await demo(['--entries', '5', '--dir', other]);
      assert.equal(full.code, 2);
      assert.match(full.stderr, /is not empty/);
      assert.deepEqual(readdirSync(other), ['notes.txt']);
    }));

  test('stopped by Ctrl-C says how far it came, has lost nothing, and exits 130', { skip: noSignals }, () =>
    inScratch('demo', (scratch) =>
      inTime(scratch, async (log, entries) => {
        const { code, stdout } = await demoApart(
          ['--entries', `${entries}`, '--processes', '2', '--dir', log],
          async (interrupt) => {
            await begun(log);
            interrupt();
          },
        );
        // Done, or even on its way out, where Ctrl-C ends it like any other.
        if (code === 0 || code === null) return false;
        assert.equal(code, 130);
        assert.match(stdout, /Stopped after [\d,]+ of [\d,]+ entries\. All that was acknowledged is/);
        assert.match(stdout, /lost 0, doubled 0, foreign 0, out of order 0/);
        assert.doesNotMatch(stdout, /Process \d/);
        return true;
      }),
    ),
  );

  test('a process that is killed is named; what it was told was acknowledged is in the log', () =>
    inScratch('demo', (scratch) =>
      inTime(scratch, async (log, entries) => {
        const progress = newProgress();
        let over = false;
        const running = runDemo(planFor(log, entries), new AbortController().signal, progress).finally(() => {
          over = true;
        });
        while (!progress.members[1]?.acknowledged && !over) await setTimeout(5);
        const { pid, endedAt } = progress.members[1] ?? {};
        // Once it has told that it is done, its pid may be another's.
        if (pid !== undefined && endedAt === undefined) process.kill(pid, 'SIGKILL');
        const { sound, members, findings, interrupted } = await running;
        assert.deepEqual({ sound, interrupted }, { sound: true, interrupted: false });
        assert.equal(findings.lost, 0);
        const [first, second, third] = members;
        assert.deepEqual([first?.problem, third?.problem], [undefined, undefined]);
        assert.equal(first?.acknowledged, first?.share);
        if (second?.problem === undefined) return false;
        assert.equal(second.problem, 'was killed (SIGKILL)');
        assert.ok(second.acknowledged > 0 && second.acknowledged < second.share);
        return true;
      }),
    ));

  test(
    'processes that cannot append say why, and it exits 1',
    { skip: process.platform === 'win32' && 'there is no ulimit' },
    () =>
      inScratch('demo', async (scratch) => {
        const { NODE_TEST_CONTEXT: _, ...env } = process.env;
        const log = join(scratch, 'log');
        const args = [
          process.execPath,
          PROGRAM,
          'demo',
          '--entries',
          '2000',
          '--processes',
          '2',
          '--dir',
          log,
        ];
        const limited = ['-c', 'ulimit -f 128 && exec "$@"', 'sh', ...args];
        const { code, stdout } = await ended(spawn('sh', limited, { env, timeout: TIMEOUT_MS }));
        assert.equal(code, 1);
        assert.match(stdout, /Process 1 \(pid \d+\), after \d+ of 1,000 entries, failed:/);
        assert.match(stdout, /lost 0, doubled 0, foreign 0, out of order 0/);
      }),
  );

  test('an entry that somebody else appends meanwhile is found, and it exits 4', () =>
    inScratch('demo', (scratch) =>
      inTime(scratch, async (log, entries) => {
        const { code, stdout } = await demoApart(
          ['--entries', `${entries}`, '--processes', '2', '--dir', log],
          async () => {
            await begun(log);
            const wal = await Wal.open(log);
            await wal.append({ op: 'add', id: 'stranger' });
            await wal.close();
          },
        );
        if (code === 0) return false;
        assert.equal(code, 4);
        assert.match(stdout, /The log is not what the processes were told: 1 foreign\./);
        assert.match(stdout, /lost 0, doubled 0, foreign 1, out of order 0/);
        return true;
      }),
    ));

  test('an acknowledged entry that is cut from the log before it is checked is found lost', () =>
    inScratch('demo', async (scratch) => {
      const progress = newProgress();
      let phase = progress.phase;
      Object.defineProperty(progress, 'phase', {
        get: () => phase,
        set: (next: typeof phase) => {
          phase = next;
          if (phase !== 'verifying') return;
          const segment = join(scratch, '00000000000000000001.jsonl');
          const text = readFileSync(segment, 'latin1');
          truncateSync(segment, text.lastIndexOf('\n', text.length - 2) + 1);
        },
      });
      const { sound, findings } = await runDemo(planFor(scratch, 30), new AbortController().signal, progress);
      assert.deepEqual({ sound, lost: findings.lost }, { sound: false, lost: 1 });
    }));
});
