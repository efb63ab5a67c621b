import { parseArgs } from 'node:util';
import { simulate } from './world.ts';

/* Lives through many seeds, or one again: node main.js [--seeds N] [--seconds S] [--steps N] [--seed X] */

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    steps: { type: 'string', default: '400' },
    seed: { type: 'string' },
  },
});
const start = performance.now();
const steps = Number(values.steps);
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
const most = values.seed === undefined ? Number(values.seeds) : 1;
const totals: Record<string, number> = {};
let [done, failed] = [0, 0];
for (; done < most && performance.now() - start < Number(values.seconds) * 1000; done++) {
  const seed = (first + done) % 2 ** 32;
  const { counts, faults } = await simulate({ seed, steps });
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
  if (faults.length === 0) continue;
  failed++;
  console.log(`[FAIL] seed ${seed} (npm run sim -- --seed ${seed} --steps ${steps})`);
  for (const fault of faults.slice(0, 5)) console.log(`       ${fault}`);
  if (failed >= 5) break;
}
const seconds = (performance.now() - start) / 1000;
console.log(
  Object.entries(totals)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
);
console.log(
  `${done} seeds from ${first}, ${failed} failed, ${Math.round((done * steps) / seconds)} steps a second`,
);
process.exitCode = failed === 0 ? 0 : 1;
