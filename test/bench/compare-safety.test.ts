import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missingPeer } from '../../bench/compare/peer.ts';
import { compare } from '../../bench/safety/compare.ts';
import { CONTENDERS, type Contender } from '../../bench/safety/contenders.ts';
import type { Damage } from '../../bench/safety/damage.ts';
import { FAULTS, type Fault } from '../../bench/safety/faults.ts';
import { absentText, faultText, summaryText } from '../../bench/safety/report.ts';
import { runTrial, type Trial } from '../../bench/safety/trial.ts';
import faulty, { type Fault as Flaw } from '../../src/lab/faulty-target.ts';
import noDataLoss from '../../src/lab/scenarios/no-data-loss.ts';
import { chooseSeed } from '../../src/lab/seeded.ts';
import { inScratch } from '../support/scratch.ts';

const MAIN = fileURLToPath(new URL(`../../bench/safety/main${extname(import.meta.url)}`, import.meta.url));
const seed = chooseSeed();

function contenderOf(name: string): Contender {
  return CONTENDERS.find((each) => each.name === name) as Contender;
}

function faultOf(name: string, options: Fault['options']): Fault {
  return { ...(FAULTS.find((each) => each.name === name) as Fault), options };
}

test('a torn tail costs this log nothing, and append-file what comes next: each has its row, and the damage its column', async (t) => {
  t.diagnostic(`TEST_SEED=${seed}`);
  await inScratch('safety', async (directory) => {
    const absent: Contender = {
      ...contenderOf('lmdb'),
      name: 'absent',
      target: { ...contenderOf('lmdb').target, missing: () => missingPeer('no-such-database') },
    };
    const contenders = [contenderOf('jsonl-wal'), contenderOf('append-file'), absent];
    const small = { clients: 2, iterations: 1 };
    const picky: Fault = {
      ...faultOf('torn tail', small),
      name: 'picky',
      scenarioFor: () => 'is left alone',
    };
    const faults = [faultOf('torn tail', small), picky];
    const all: Trial[] = [];
    const tables: string[] = [];
    for await (const { fault, trials } of compare({ faults, contenders, only: /./, seed, directory })) {
      all.push(...trials);
      tables.push(faultText(fault, trials));
    }
    const [torn, left] = tables as [string, string];
    assert.match(torn, /^torn tail +acknowledged +failed +lost +doubled +corrupt +hung +slowest ms$/m);
    assert.match(torn, /^jsonl-wal +[1-9]\d* +0 +0 +0 +0 +0 +[\d,]+$/m);
    assert.match(torn, /^append-file +[1-9]\d* +0 +1 +0 +1 +0 +[\d,]+$/m);
    assert.match(left, /^append-file( +-){7}$/m);
    assert.match(left, /^append-file: is left alone$/m);

    const summary = summaryText(contenders, all);
    assert.match(summary, /^jsonl-wal .* 1 of 1$/m);
    assert.match(summary, /^append-file .* 0 of 1$/m);
    assert.doesNotMatch(torn + summary, /absent/);
    assert.equal(absentText(contenders), 'absent: skipped: not installed: npm run bench -- --install-peers');
    for (const line of [...tables, summary].join('\n').split('\n')) assert.ok(line.length <= 100, line);
  });
});

test('what is lost, doubled, failed or hung is counted as that, and nothing else', async () => {
  const none = { failed: 0, lost: 0, doubled: 0, corrupt: 0, hung: 0 };
  const cases: readonly (readonly [Flaw | undefined, Partial<Damage>])[] = [
    [undefined, {}],
    ['loses', { lost: 2 }],
    ['doubles', { doubled: 2 }],
    ['throws', { failed: 2 }],
    ['hangs', { hung: 2 }],
  ];
  for (const [flaw, expected] of cases) {
    await inScratch('safety', async (directory) => {
      const fault: Fault = {
        name: 'none',
        about: 'nothing',
        options: { clients: 2, iterations: 15, as: 'threads', timeoutMs: flaw === 'hangs' ? 1500 : 20_000 },
        scenarioFor: () => noDataLoss,
      };
      const settings = flaw === undefined ? {} : { fault: flaw };
      const contender: Contender = { name: 'faulty', target: faulty, lock: 'kernel', settings, promise: '' };
      const { damage } = await runTrial(fault, contender, { directory, seed });
      const { failed, lost, doubled, corrupt, hung } = damage as Damage;
      assert.deepEqual({ failed, lost, doubled, corrupt, hung }, { ...none, ...expected }, flaw);
    });
  }
});

test('a pattern that matches nothing, and a seed that is none, are told with status 2', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  const nothing = run('--only', 'no such fault');
  assert.equal(nothing.status, 2);
  assert.match(nothing.stderr, /Nothing matches .*--list/);
  assert.equal(run('--seed', '-1').status, 2);
});
