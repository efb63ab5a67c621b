import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { segmentName } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { chooseSeed } from '../../src/lab/seeded.ts';
import { systemError } from '../../src/lab/wrapped-storage.ts';
import { noLock } from '../../src/lock/lock.ts';
import { readWhole } from '../../src/storage/files.ts';
import { environmentOn, LOG } from '../crash/workload.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { packageRoot } from '../support/scratch.ts';
import { faultyStorage } from './faulty-storage.ts';
import { SEEDS } from './seeds.ts';
import { simulate } from './world.ts';

// What a simulated process would warn its user of is no news here.
process.removeAllListeners('warning');

const STEPS = 400;
const SEEDS_TRIED = 10;

test('several processes on one disk that fills up, fails and loses power, killed and overtaken between any two calls: what they were told holds', async (t) => {
  const first = chooseSeed();
  t.diagnostic(`TEST_SEED=${first}`);
  const counts: Record<string, number> = {};
  let steps = 0;
  for (let seed = first; seed < first + SEEDS_TRIED; seed++) {
    const report = await simulate({ seed: seed % 2 ** 32, steps: STEPS });
    assert.deepEqual(report.faults, [], `npm run sim -- --seed ${report.seed} --steps ${STEPS}`);
    for (const [name, count] of Object.entries(report.counts)) counts[name] = (counts[name] ?? 0) + count;
    steps += report.steps;
  }
  t.diagnostic(`${steps} steps: ${JSON.stringify(counts)}`);
  for (const name of ['append', 'increment', 'compact', 'follow', 'interlopers', 'kills'])
    assert.ok(counts[name], name);
});

for (const { seed, steps, story } of SEEDS) {
  test(`seed ${seed} stays repaired: ${story}`, async () => {
    assert.deepEqual((await simulate({ seed, steps })).faults, []);
  });
}

test('the same seed makes the same world, call by call, in another process too; so do its decisions, without its dice', async () => {
  const one = await simulate({ seed: 7, steps: STEPS });
  assert.deepEqual(await simulate({ seed: 7, steps: STEPS }), one);
  const main = join(packageRoot(), 'dist/tests/sim/main.js');
  const printed = execFileSync(process.execPath, [main, '--seed', '7', '--steps', String(STEPS)], {
    encoding: 'utf8',
  });
  assert.ok(printed.includes(`digest of the run: ${one.digest}\n`), printed);
  const { decisions, ...world } = one;
  const { decisions: again, ...repeated } = await simulate({ seed: 7, steps: STEPS, decisions });
  assert.deepEqual(repeated, world);
  assert.deepEqual(again, decisions);
});

test('a writer that would end a line which another cut since it looked: the world kills it first', async () => {
  const disk = new SimDisk();
  const made = await Wal.openIn(environmentOn(disk, 1), LOG, { lock: noLock() });
  await made.append({ op: 'add', id: 'bd-1' });
  await made.close();
  const path = `${LOG}/${segmentName(1)}`;
  const lacking = (readWhole(disk, path) as Buffer).subarray(0, -1);
  disk.remove(path);
  disk.open(path, 'create').append([lacking]);
  const cut = '\n{"seq":2,';
  let calls = 0;
  const storage = faultyStorage(disk, {
    meet: (call, at) => {
      if (call === 'append' && at === path && calls++ === 0)
        disk.open(path, 'append').append([Buffer.from(cut)]);
      return undefined;
    },
    pause: () => Promise.resolve(),
    comeBetween: () => {},
    endsCut: () => {
      throw systemError('EKILLED');
    },
    syncFailed: () => {},
  });
  const wal = await Wal.openIn({ ...environmentOn(disk, 2), storage }, LOG, { lock: noLock() });
  await assert.rejects(wal.append({ op: 'add', id: 'bd-2' }));
  assert.equal(String(readWhole(disk, path)), `${lacking}${cut}`);
  await wal.close().catch(() => {});
});
