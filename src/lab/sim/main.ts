import { countFrom, makeProgram } from '../program.ts';
import { chooseSeed } from '../seeded.ts';
import { simulate } from './world.ts';

/** It ends after so many seeds that failed. */
const MOST_FAILED = 5;

interface Flags {
  readonly seeds: number;
  readonly seconds: number;
  readonly steps: number;
  readonly seed?: number;
}

const flags = makeProgram('sim', 'Lives through many small worlds, each made from a seed.')
  .option('--seeds <n>', 'so many worlds, at most', countFrom(1, 1e9), 1000)
  .option('--seconds <n>', 'begins none after so long', countFrom(1, 1e6), 60)
  .option('--steps <n>', 'of each world', countFrom(1, 1e9), 400)
  .option('--seed <n>', 'lives through the world of this seed alone', countFrom(0, 2 ** 32 - 1))
  .parse()
  .opts<Flags>();

const start = performance.now();
const first = flags.seed ?? chooseSeed();
const most = flags.seed === undefined ? flags.seeds : 1;
const totals: Record<string, number> = {};
let [done, failed] = [0, 0];
for (; done < most && failed < MOST_FAILED && performance.now() - start < flags.seconds * 1000; done++) {
  const seed = (first + done) % 2 ** 32;
  const { counts, faults } = await simulate({ seed, steps: flags.steps });
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
  if (faults.length === 0) continue;
  failed++;
  console.log(`[FAIL] seed ${seed} (npm run sim -- --seed ${seed} --steps ${flags.steps})`);
  for (const fault of faults.slice(0, 5)) console.log(`       ${fault}`);
}
const seconds = (performance.now() - start) / 1000;
console.log(
  Object.entries(totals)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);
console.log(
  `${done} seeds from ${first}, ${failed} failed, ${Math.round((done * flags.steps) / seconds)} steps a second`,
);
process.exitCode = failed === 0 ? 0 : 1;
