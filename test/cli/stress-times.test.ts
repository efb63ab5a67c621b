import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Command } from 'commander';
import { latencyOf as benchLatencyOf } from '../../bench/latency.ts';
import { medianFigures } from '../../bench/run.ts';
import type { Figures } from '../../bench/work.ts';
import stressCommand from '../../src/cli/commands/stress.ts';
import type { TimeLimit } from '../../src/lab/checks/check.ts';
import { objects } from '../../src/lab/command-line.ts';
import type { RunEvidence } from '../../src/lab/operations/run-evidence.ts';
import { quantile } from '../../src/lab/quantile.ts';
import { latencyOf } from '../../src/lab/result.ts';
import appendSpeed from '../../src/lab/scenarios/append-speed.ts';
import killStorm from '../../src/lab/scenarios/kill-storm.ts';
import noDataLoss from '../../src/lab/scenarios/no-data-loss.ts';
import { tellNext } from '../../src/lab/scenarios/storm.ts';
import { Stats } from '../../src/log/stats.ts';
import { inPlace, QUICK } from '../support/stress-place.ts';

interface Stressed {
  readonly code: number;
  readonly stdout: string;
  /** How many directories it left. */
  readonly kept: number;
}

/** What was written to a stream: a read may give a part of it. */
function allOf(stream: PassThrough): string {
  const parts: Buffer[] = [];
  for (let part = stream.read(); part !== null; part = stream.read()) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Runs the command, in this process, on a scenario whose limit of time is always missed. */
async function stressed(flags: readonly string[], limit: Partial<TimeLimit> = {}): Promise<Stressed> {
  const missed: TimeLimit = { name: 'is quick', examine: () => ['it took 9 s'], ...limit };
  const { exitCode } = process;
  const env = { ...process.env };
  const own = Object.getOwnPropertyDescriptor(process, 'stdout') as PropertyDescriptor;
  const stdout = new PassThrough();
  let answer: Stressed | undefined;
  Object.assign(noDataLoss, { timed: [missed] });
  try {
    await inPlace(async (place) => {
      Object.assign(process.env, place.env);
      Object.defineProperty(process, 'stdout', { configurable: true, value: stdout });
      process.exitCode = 0;
      await new Command('jsonl-wal')
        .option('--json')
        .addCommand(stressCommand())
        .parseAsync(['stress', ...QUICK, ...flags], { from: 'user' });
      answer = {
        code: Number(process.exitCode),
        stdout: allOf(stdout),
        kept: readdirSync(place.temporary).length,
      };
    });
  } finally {
    Object.assign(noDataLoss, { timed: undefined });
    Object.defineProperty(process, 'stdout', own);
    process.exitCode = exitCode;
    for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
    Object.assign(process.env, env);
  }
  return answer as Stressed;
}

test('a missed limit of time is [SLOW]: the run holds, with exit code 0, and nothing is kept', async () => {
  const run = await stressed(['--repeat', '2', '--seed', '7']);
  assert.deepEqual([run.code, run.kept], [0, 0]);
  assert.match(run.stdout, /^\[SLOW\] is quick \(1 fault\)\n {7}it took 9 s$/m);
  assert.match(run.stdout, /^2 of 2 runs hold; 2 slow: no-data-loss\.$/m);
  assert.doesNotMatch(run.stdout, /FAIL|not sound|Repeat it|Kept/);
  const [result] = objects((await stressed(['--json'])).stdout);
  assert.deepEqual([result.ok, result.slow], [true, true]);
});

test('with --strict-times it ends with 1, is kept, and the repetition is strict, too; it is [SLOW] still', async () => {
  const run = await stressed(['--strict-times', '--seed', '7']);
  assert.deepEqual([run.code, run.kept], [1, 1]);
  assert.match(run.stdout, /^\[SLOW\] is quick/m);
  assert.match(run.stdout, /^Repeat it: node \S+ stress no-data-loss --seed 7 .* --strict-times$/m);
  assert.doesNotMatch(run.stdout, /FAIL/);
  const held = await stressed(['--strict-times'], { examine: () => [] });
  assert.equal(held.code, 0, held.stdout);
});

test('a limit that was promised is [FAIL] where it is missed: five clients, twenty appends each, two seconds', async () => {
  const run = await stressed([], { promised: () => true });
  assert.equal(run.code, 1);
  assert.match(run.stdout, /^\[FAIL\] is quick/m);
  const [limit] = appendSpeed.timed as [TimeLimit];
  const promised = (clients: number, iterations: number) =>
    limit.promised?.({ clients, iterations } as RunEvidence);
  assert.deepEqual([appendSpeed.clients, appendSpeed.iterations], [5, 20]);
  assert.deepEqual([promised(5, 20), promised(6, 20), promised(5, 21)], [true, false, false]);
  assert.deepEqual(
    [2.1, 1.9].map((seconds) => [...limit.examine({ seconds } as RunEvidence)].length),
    [1, 0],
  );
});

test('a p99 is told of 300 and more, and of fewer neither told nor held to a limit', () => {
  const times = (count: number) => Array.from({ length: count }, (_, i) => i);
  assert.deepEqual(
    [299, 300].map((count) => latencyOf(times(count)).p99),
    [undefined, 297],
  );
  const [few, many] = [299, 300].map((count) => benchLatencyOf(times(count)));
  assert.deepEqual(Object.keys(medianFigures([few, many, many] as Figures[])), ['p50', 'slowest']);
  assert.deepEqual(Object.keys(many as Figures), ['p50', 'p99', 'slowest']);
  assert.deepEqual(
    [0, 299, 300].map((count) => {
      const stats = new Stats();
      for (const ms of times(count)) stats.syncMs.add(ms);
      return stats.report().syncMs.p99;
    }),
    [undefined, undefined, 296.191],
  );
  assert.equal(quantile(Float64Array.from(times(2999)), 0.999), undefined);
  assert.equal(quantile(Float64Array.from(times(3000)), 0.999), 2997);
  assert.deepEqual(
    [0, 1, 2].map((count) => quantile(Float64Array.from(times(count)), 0.5)),
    [0, 0, 1],
  );
  const told = (count: number) =>
    tellNext(Float64Array.from(times(count))).map(([name]) => /(\w+), ms$/.exec(name)?.[1]);
  assert.deepEqual(
    [told(299), told(300)],
    [
      ['p50', 'slowest'],
      ['p50', 'p99', 'slowest'],
    ],
  );
  const [limit] = killStorm.timed as [TimeLimit];
  // After each kill the next append takes 20 ms.
  const storm = (kills: number) => {
    const ends = times(kills).map((i) => i * 1e6);
    return {
      lock: 'kernel',
      marks: ends.map((at) => ({ kind: 'killed', at })),
      operations: ends.map((at) => ({
        kind: 'append',
        outcome: 'acknowledged',
        start: at,
        end: at + 20_000,
      })),
    } as unknown as RunEvidence;
  };
  assert.deepEqual([...limit.examine(storm(299))], []);
  assert.deepEqual([...limit.examine(storm(300))], ['p99 was 20.0 ms']);
});
