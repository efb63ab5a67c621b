import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../errors/errors.ts';
import { chooseSeed, seeded } from '../seeded.ts';
import { cutPower, Told } from './cut.ts';
import { Device, FILE_SYSTEMS, type FileSystemName, whyNot } from './device.ts';

/* Cuts the power of disks: node main.js [--cuts N] [--fs ext4,xfs,btrfs] */

/** A new log is begun after so many cuts, so that it stays small. */
const CUTS_A_LOG = 20;

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '100' },
    fs: { type: 'string', default: FILE_SYSTEMS.join(',') },
  },
});
const cuts = Number(values.cuts);
const names = values.fs.split(',');
const isKnown = (name: string): name is FileSystemName => FILE_SYSTEMS.some((each) => each === name);
if (!Number.isInteger(cuts) || cuts < 1 || !names.every(isKnown)) {
  console.error(`--cuts takes a whole number from 1 on, --fs some of ${FILE_SYSTEMS.join(',')}.`);
  process.exit(2);
}
const reason = whyNot(names);
if (reason !== undefined) {
  console.log(`[SKIP] no power can be cut here: ${reason}`);
  process.exit(0);
}
const seed = chooseSeed();
console.log(`TEST_SEED=${seed}`);
const dice = seeded(seed);
for (const name of names) {
  let [done, acknowledged, failed] = [0, 0, 0];
  const device = new Device(name);
  try {
    let told = new Told();
    for (; done < cuts && failed < 5; done++) {
      if (done % CUTS_A_LOG === 0) told = new Told();
      const before = told.acknowledged.size;
      const directory = join(device.directory, `log-${Math.floor(done / CUTS_A_LOG)}`);
      const faults = await cutPower(device, directory, told, dice).catch((error) => [messageOf(error)]);
      acknowledged += told.acknowledged.size - before;
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
