import '../support/program-guard.ts';
import { chooseSeed } from '../../src/lab/seeded.ts';
import { countFrom, makeProgram } from '../support/program.ts';
import { keeping, type Shrunk, shrinkWorld } from './failure.ts';
import { Meetings } from './meetings.ts';
import { simulate, type WorldReport } from './world.ts';

/** It ends after so many seeds that failed. */
const MOST_FAILED = 5;
const MOST_FAULTS = 5;

interface Flags {
  readonly seeds: number;
  readonly seconds: number;
  readonly steps: number;
  readonly seed?: number;
  readonly only?: readonly number[];
  readonly tell?: boolean;
  readonly shrink: boolean;
}

const flags = makeProgram('sim', 'Lives through many small worlds, each made from a seed.')
  .option('--seeds <n>', 'so many worlds, at most', countFrom(1, 1e9), 1000)
  .option('--seconds <n>', 'begins none after so long', countFrom(1, 1e6), 60)
  .option('--steps <n>', 'of each world', countFrom(1, 1e9), 400)
  .option('--seed <n>', 'lives through the world of this seed alone', countFrom(0, 2 ** 32 - 1))
  .option(
    '--only <numbers>',
    'with --seed: of its decisions only these, as a shrunk failure names them',
    numbersOf,
  )
  .option('--tell', 'with --seed: tells all that happens')
  .option('--no-shrink', 'does not look for the least that fails')
  .parse()
  .opts<Flags>();

// What a simulated process would warn its user of is no news here.
process.removeAllListeners('warning');

function numbersOf(text: string): number[] {
  return text.split(',').map(countFrom(0, 1e9));
}

function print({ seed, faults }: WorldReport): void {
  console.log(`[FAIL] seed ${seed} (npm run sim -- --seed ${seed} --steps ${flags.steps})`);
  for (const fault of faults.slice(0, MOST_FAULTS)) console.log(`       ${fault}`);
}

function printShrunk(failed: WorldReport, { report, kept, story }: Shrunk): void {
  console.log(`       shrunk from ${failed.decisions.length} decisions to ${kept.length}:`);
  for (const line of story) console.log(`       | ${line}`);
  console.log(
    `       npm run sim -- --seed ${report.seed} --steps ${flags.steps} --only ${kept.join(',')} --tell`,
  );
}

const start = performance.now();
const first = flags.seed ?? chooseSeed();
const most = flags.seed === undefined ? flags.seeds : 1;
const tell = flags.tell && flags.seed !== undefined ? { tell: console.log } : {};
const totals: Record<string, number> = {};
const meetings = new Meetings();
let [done, failed, steps, calls] = [0, 0, 0, 0];
let digest = '';
for (; done < most && failed < MOST_FAILED && performance.now() - start < flags.seconds * 1000; done++) {
  const options = { seed: (first + done) % 2 ** 32, steps: flags.steps };
  const told = { ...options, ...tell };
  const report = await (flags.only === undefined ? simulate(told) : keeping(told, flags.only));
  digest = report.digest;
  steps += report.steps;
  calls += report.calls;
  for (const [name, count] of Object.entries(report.counts)) totals[name] = (totals[name] ?? 0) + count;
  meetings.note(report.counts);
  if (report.faults.length === 0) continue;
  failed++;
  print(report);
  if (flags.shrink && flags.only === undefined) printShrunk(report, await shrinkWorld(options, report));
}
if (flags.seed !== undefined) console.log(`digest of the run: ${digest}`);
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage();
const perSecond = (time: number) => Math.round(steps / time);
console.log(
  Object.entries(totals)
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);
for (const line of meetings.table) console.log(line);
console.log(
  `${done} seeds from ${first}, ${failed} failed; ${steps} steps, ${calls} calls of disk and lock; ` +
    `${perSecond(seconds)} steps a second, ${perSecond((user + system) / 1e6)} a second of processor time`,
);
process.exitCode = failed === 0 ? 0 : 1;
