import '../support/program-guard.ts';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseSeed } from '../../src/lab/seeded.ts';
import { countFrom, makeProgram } from '../support/program.ts';
import { packageRoot } from '../support/scratch.ts';
import { damagedLog } from './damaged-log.ts';
import { writeFiles } from './files.ts';
import { type FuzzReport, shrink } from './fuzz.ts';
import { FuzzWorker } from './fuzz-worker.ts';
import { makeRealLogs } from './real-logs.ts';

/** It ends after so many cases that failed. */
const MOST_FAILED = 10;
/** Cases at a time: much of a case is waiting for what may come back. */
const WORKERS = 4;
/** A worker takes a while to begin: it is to have so many. */
const CASES_EACH = 10;

interface Flags {
  readonly runs: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly keep?: string;
}

const flags = makeProgram(
  'fuzz',
  'Damages real logs, each as a seed says, and uses them by library and command line.',
)
  .option('--runs <n>', 'so many cases, at most', countFrom(1, 1e9), 2000)
  .option('--seconds <n>', 'begins none after so long', countFrom(1, 1e6), 60)
  .option('--seed <n>', 'the seed of the first case', countFrom(0, 2 ** 32 - 1))
  .option('--keep <dir>', 'where damaged logs that failed are kept (default: .test_tmp/fuzz)')
  .parse()
  .opts<Flags>();

const keep = flags.keep ?? join(packageRoot(), '.test_tmp', 'fuzz');
const scratch = mkdtempSync(join(tmpdir(), 'jsonl-wal-fuzz-'));
const logs = await makeRealLogs(join(scratch, 'real'));
const first = flags.seed ?? chooseSeed();
const start = performance.now();
const totals: Record<string, number> = {};
const count = (what: string, by = 1) => {
  totals[what] = (totals[what] ?? 0) + by;
};
let [begun, done, failed] = [0, 0, 0];

async function work(number: number): Promise<void> {
  const worker = new FuzzWorker(join(scratch, `worker-${number}`));
  try {
    while (begun < flags.runs && failed < MOST_FAILED && performance.now() - start < flags.seconds * 1000) {
      const report = await worker.run({ seed: (first + begun++) % 2 ** 32 });
      done++;
      count(`by ${report.way}`);
      for (const [name, times] of Object.entries(report.counts)) count(name, times);
      if (report.faults.length === 0) continue;
      failed++;
      tell(await shrink(report, (one) => worker.run(one)));
    }
  } finally {
    await worker.close();
  }
}

try {
  await Promise.all(
    Array.from({ length: Math.min(WORKERS, Math.ceil(flags.runs / CASES_EACH)) }, (_, number) =>
      work(number),
    ),
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const seconds = (performance.now() - start) / 1000;
console.log(
  Object.entries(totals)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, times]) => `${name} ${times}`)
    .join(', '),
);
console.log(`${done} cases from seed ${first}, ${failed} failed, in ${seconds.toFixed(1)} s`);
process.exitCode = failed === 0 ? 0 : 1;

/** Says what failed, with as few mutations as it takes, and keeps the damaged log. */
function tell({ seed, way, log, mutations, faults }: FuzzReport): void {
  const directory = join(keep, `seed-${seed}`);
  mkdirSync(keep, { recursive: true });
  const { files } = damagedLog(
    logs,
    seed,
    mutations.map(({ number }) => number),
  );
  writeFiles(directory, files);
  console.log(`[FAIL] seed ${seed} (npm run fuzz -- --seed ${seed} --runs 1), kept in ${directory}`);
  console.log(`       the log "${log}", used by ${way}`);
  for (const { what } of mutations) console.log(`       ${what}`);
  for (const fault of faults.slice(0, 5)) console.log(`         ${fault}`);
}
