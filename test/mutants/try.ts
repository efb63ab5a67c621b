import '../support/program-guard.ts';
// Runs in a copy of the engine: tries it out in one way, and prints what came of that as JSON.
import { Wal } from '../../src/index.ts';
import { CORRUPTION_WORKLOADS, tryCorruptions } from '../crash/corruption-workloads.ts';
import { explore, type Recorded, record } from '../crash/explore.ts';
import { Author, environmentOn, LOG } from '../crash/workload.ts';
import { APPEND, WORKLOADS } from '../crash/workloads.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { simulate } from '../sim/world.ts';
import type { ByCrashes, BySimulation } from './mutant.ts';

const STEPS = 400;
/** Of what `npm run crash` tries, so much as is quick. */
const BOUNDS = { levels: 1, oneByOne: 4, mostFaults: 1 } as const;

/** What came of it: how much was tried, and the first fault, if there was one. */
export interface Tried {
  readonly after: string;
  readonly fault?: string;
}

/** Throws where the engine fails where nothing goes wrong: such a mutant shows nothing about any rule. */
async function goesWell(): Promise<void> {
  const disk = new SimDisk();
  const author = new Author(disk, 'bd', 1);
  for (let round = 1; round <= 2; round++) {
    const wal = await author.open({ segmentBytes: 4096 });
    for (const bytes of [10, 3000, 3000, 10]) await author.append(wal, bytes);
    await author.append(wal, 100, 3);
    await wal.close();
  }
  const reader = await Wal.openIn(environmentOn(disk, 0), LOG, { readOnly: true });
  const { error, entries } = await reader.verify();
  await reader.close();
  if (error !== undefined) throw error;
  if (entries !== 14) throw new Error(`of 14 entries ${entries} are there, and nothing went wrong`);
}

async function trySimulation({ seeds }: BySimulation): Promise<Tried> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { faults } = await simulate({ seed, steps: STEPS });
    if (faults.length > 0) return { after: `${seed * STEPS} steps`, fault: `seed ${seed}: ${faults[0]}` };
  }
  return { after: `${seeds * STEPS} steps` };
}

async function tryCrashes({ workload: name }: ByCrashes): Promise<Tried> {
  if (name === CORRUPTION_WORKLOADS) {
    const { tried, faults } = await tryCorruptions(await record(APPEND));
    return { after: `${tried} states`, ...(faults.length > 0 && { fault: faults[0] }) };
  }
  const workload = WORKLOADS.find((each) => each.name === name);
  if (workload === undefined) throw new Error(`no workload is called ${name}`);
  let recorded: Recorded;
  try {
    recorded = await record(workload);
  } catch (error) {
    return { after: '1 run', fault: `before any crash: ${(error as Error).message}` };
  }
  const { tried, faults } = await explore(recorded, workload.bounds ?? BOUNDS);
  const after = `${tried} states`;
  const [first] = faults;
  if (first === undefined) return { after };
  return { after, fault: `after effect ${first.crashes.map((crash) => crash.after)}: ${first.faults[0]}` };
}

const catcher = JSON.parse(process.argv[2] as string) as BySimulation | ByCrashes | { by: 'nothing' };
await goesWell();
const tried =
  catcher.by === 'sim'
    ? await trySimulation(catcher)
    : catcher.by === 'crash'
      ? await tryCrashes(catcher)
      : { after: '' };
console.log(JSON.stringify(tried));
