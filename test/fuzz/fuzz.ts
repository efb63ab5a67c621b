import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { seeded } from '../../src/lab/seeded.ts';
import { type DamagedLog, damagedLog } from './damaged-log.ts';
import { writeFiles } from './files.ts';
import { Findings } from './findings.ts';
import type { RealLog } from './real-logs.ts';
import { useCommandLine } from './use-command-line.ts';
import { useLibrary } from './use-library.ts';

/** By which way the damaged log is used: the library; the command line in this process, or in one for each command. */
export type Way = 'library' | 'here' | 'processes';

export interface FuzzCase {
  readonly seed: number;
  /** Only these of the seed's mutations, by number; undefined: all. */
  readonly kept?: readonly number[] | undefined;
}

export interface FuzzReport {
  readonly seed: number;
  readonly way: Way;
  readonly log: string;
  readonly mutations: DamagedLog['mutations'];
  readonly faults: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Of 200 cases: so many run the command line here, and so many in processes. */
const HERE = 60;
const PROCESSES = 1;

function wayOf(seed: number): Way {
  const number = Math.floor(seeded(seed ^ 0x5eed)() * 200);
  if (number < PROCESSES) return 'processes';
  return number < PROCESSES + HERE ? 'here' : 'library';
}

/** Damages a log as the seed says, in a directory that is made for it under `scratch`, and uses it. */
export async function fuzz(
  logs: readonly RealLog[],
  scratch: string,
  { seed, kept }: FuzzCase,
): Promise<FuzzReport> {
  const damaged = damagedLog(logs, seed, kept);
  const way = wayOf(seed);
  const findings = new Findings();
  const place = join(scratch, 'case');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const directory = join(place, 'log');
  writeFiles(directory, damaged.files);
  const stray = (error: unknown) => findings.fault(`unhandled: ${(error as Error)?.stack ?? String(error)}`);
  process.on('unhandledRejection', stray);
  process.on('uncaughtException', stray);
  try {
    if (way === 'library') await useLibrary(damaged, directory, place, findings);
    else await useCommandLine(place, seeded(seed + 1), way, findings);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', stray);
    process.off('uncaughtException', stray);
  }
  const { log, mutations } = damaged;
  const { faults, counts } = findings;
  return { seed, way, log, mutations, faults, counts };
}

/** Leaves out each mutation that a fault does without. */
export async function shrink(
  report: FuzzReport,
  run: (one: FuzzCase) => Promise<FuzzReport>,
): Promise<FuzzReport> {
  let least = report;
  for (const { number } of report.mutations) {
    const kept = least.mutations.map((each) => each.number).filter((each) => each !== number);
    const without = await run({ seed: report.seed, kept });
    if (without.faults.length > 0) least = without;
  }
  return least;
}
