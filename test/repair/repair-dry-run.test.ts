import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import type { RepairOptions } from '../../src/repair/model.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { type Environment, realEnvironment } from '../../src/setup/environment.ts';
import { inScratch } from '../support/scratch.ts';
import { files, fill, SEGMENT, SMALL } from '../support/small-log.ts';

type Mode = RepairOptions['mode'];

/** Gives `body` a log that a repair of that mode mends. */
function inDamagedLog(mode: Mode, body: (log: string) => Promise<void>): Promise<void> {
  return inScratch('repair', async (log) => {
    const wal = await Wal.open(log, SMALL);
    await fill(wal, 40);
    await wal.close();
    const segments = files(log, SEGMENT);
    if (mode === 'salvage') rmSync(join(log, segments[1] as string));
    else appendFileSync(join(log, segments.at(-1) as string), 'not a record\n');
    await body(log);
  });
}

function everything(directory: string): [name: string, bytes: string][] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(directory, name)).isFile())
    .sort()
    .map((name) => [name, readFileSync(join(directory, name), 'latin1')]);
}

const network = changedEnvironment({ storage: changedStorage({ fileSystem: () => 'network' }) });

for (const mode of ['tail', 'salvage'] as const) {
  for (const [what, environment, spoil, code] of [
    ['a network file system', network, () => {}, 'ERR_WAL_NETWORK_FS'],
    [
      'a kind of lock that is not known',
      realEnvironment,
      (log: string) => writeFileSync(join(log, 'wal.lock'), `${JSON.stringify({ kind: 'new' })}\n`),
      'ERR_WAL_LOCK_KIND',
    ],
  ] as readonly [string, Environment, (log: string) => void, string][])
    test(`a ${mode} and its dry run refuse ${what}, and change nothing`, () =>
      inDamagedLog(mode, async (log) => {
        spoil(log);
        const before = everything(log);
        for (const dryRun of [true, false]) {
          await assert.rejects(repairLog(environment, log, { mode, dryRun }), { code });
          assert.deepEqual(everything(log), before);
        }
      }));

  test(`a dry run of a ${mode} says what the run then does, and writes nothing`, () =>
    inDamagedLog(mode, async (log) => {
      const before = everything(log);
      const plan = await Wal.repair(log, { mode, dryRun: true });
      assert.deepEqual(everything(log), before);
      const report = await Wal.repair(log, { mode });
      assert.deepEqual(
        [report.lost, report.entries, report.reasons],
        [plan.lost, plan.entries, plan.reasons],
      );
      assert.ok(plan.reasons.length > 0);
    }));
}

test('a tail repair, tried or run, refuses a log with no file left of what this machine saw', () =>
  inDamagedLog('tail', async (log) => {
    for (const name of files(log, SEGMENT)) rmSync(join(log, name));
    for (const dryRun of [true, false])
      await assert.rejects(Wal.repair(log, { mode: 'tail', dryRun }), { code: 'ERR_WAL_MISSING' });
  }));
