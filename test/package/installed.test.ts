import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { install } from '../support/packed.ts';
import { inScratch } from '../support/scratch.ts';

/** A small program of a user's, with a store of the user's own. */
const PROGRAM = `
import { lastData, Wal, WalError } from 'jsonl-wal';
import { assertSound, jsonlWal, runScenario, SCENARIOS } from 'jsonl-wal/lab';
import target from './own-target.mjs';

const wal = await Wal.open('log', { fold: lastData });
const head = await wal.append({ op: 'set', id: 'a', data: 1 });
await wal.append({ op: 'set', id: 'a', data: 2 });
for await (const { seq, data } of wal.read()) console.log(seq, data);
console.log((await wal.table()).get('a'), (await wal.verify()).ok);
const refused = await wal.append({ op: 'set', id: 'a' }, { expect: head }).catch((error) => error);
console.log(refused instanceof WalError, jsonlWal.blame(refused).outcome);
await wal.close();

const scenario = SCENARIOS.find(({ name }) => name === 'no-data-loss');
for (const options of [{}, { target, as: 'threads' }]) {
  const result = await runScenario(scenario, { clients: 2, iterations: 3, seed: 1, ...options });
  assertSound(result);
  console.log(result.scenario, result.settings.target);
}
`;

const OWN_TARGET = `
import { jsonlWal } from 'jsonl-wal/lab';
export default { ...jsonlWal, name: 'own', module: import.meta.url };
`;

/** Runs Node, and answers what it printed. */
function run(directory: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

test("the packed package appends, reads, and runs scenarios on its own store and a user's", () =>
  inScratch('installed', (directory) => {
    install(directory);
    writeFileSync(join(directory, 'own-target.mjs'), OWN_TARGET);
    writeFileSync(join(directory, 'program.mjs'), PROGRAM);
    const lines = run(directory, 'program.mjs').trim().split('\n');
    assert.deepEqual(lines, [
      '1 1',
      '2 2',
      '2 true',
      'true refused',
      'no-data-loss jsonl-wal',
      'no-data-loss own',
    ]);
  }));

test('the command line as it is packed appends, and makes a report of a run', () =>
  inScratch('installed', (directory) => {
    const command = join(install(directory), 'dist/scripts/cli/main.js');
    run(directory, command, 'init', '-C', 'log');
    run(directory, command, 'append', '-C', 'log', '--op', 'set', '--id', 'a');
    assert.match(run(directory, command, 'read', '-C', 'log'), /\bset\b/);
    run(
      directory,
      command,
      'stress',
      'smoke',
      '--processes',
      '2',
      '--iterations',
      '2',
      '--report',
      'page.html',
    );
    assert.ok(existsSync(join(directory, 'page.html')));
  }));
