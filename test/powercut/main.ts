import '../support/program-guard.ts';
import { join } from 'node:path';
import { Option } from 'commander';
import { messageOf } from '../../src/errors/errors.ts';
import { chooseSeed, seeded } from '../../src/lab/seeded.ts';
import { countFrom, makeProgram } from '../support/program.ts';
import { CutLog, cutPower } from './cut.ts';
import { Device, FILE_SYSTEMS, type FileSystemName, whyNot } from './device.ts';

/** A new log is begun after so many cuts, so that it stays small. */
const CUTS_A_LOG = 20;
/** A file system is left alone after so many cuts at fault. */
const MOST_FAILED = 5;

interface Flags {
  readonly cuts: number;
  readonly fs: readonly FileSystemName[];
}

const { cuts, fs: names } = makeProgram(
  'powercut',
  'Cuts the power of disks while processes append to a log there.',
)
  .option('--cuts <n>', 'so many for each file system', countFrom(1, 1e9), 100)
  .addOption(new Option('--fs <names...>', 'file systems').choices(FILE_SYSTEMS).default(FILE_SYSTEMS))
  .parse()
  .opts<Flags>();
const reason = whyNot(names);
if (reason !== undefined) {
  console.log(`[SKIP] no power can be cut here: ${reason}`);
  process.exit(0);
}
/** What is mounted goes before this process does: so the cut that is under way is the last. */
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopped = true;
    process.exitCode = 130;
  });
}
const seed = chooseSeed();
console.log(`TEST_SEED=${seed}`);
const dice = seeded(seed);
for (const name of names) {
  if (stopped) break;
  let [done, acknowledged, failed] = [0, 0, 0];
  let device: Device;
  try {
    device = new Device(name);
  } catch (error) {
    // Not every kernel knows every file system, and root in a container may not mount.
    console.log(`[SKIP] ${name}: there can be no such disk here: ${messageOf(error).trim()}`);
    continue;
  }
  try {
    let log = new CutLog(join(device.directory, 'log-0'));
    for (; !stopped && done < cuts && failed < MOST_FAILED; done++) {
      if (done > 0 && done % CUTS_A_LOG === 0) log = new CutLog(join(device.directory, `log-${done}`));
      const before = log.acknowledged.size;
      const faults = await cutPower(device, log, dice).catch((error) => [messageOf(error)]);
      // Ctrl-C ends the processes that write, too: no fault of the log.
      if (stopped) break;
      acknowledged += log.acknowledged.size - before;
      if (faults.length === 0) continue;
      failed++;
      console.log(`[FAIL] ${name}, cut ${done}:`);
      for (const fault of faults.slice(0, 5)) console.log(`       ${fault}`);
    }
  } finally {
    device.close();
  }
  const verdict = failed === 0 ? '[PASS]' : '[FAIL]';
  console.log(
    `${verdict} ${name}: ${done} power cuts, ${acknowledged} entries acknowledged before them, ${failed} cuts at fault`,
  );
  if (failed > 0) process.exitCode = 1;
}
