import type { Effect } from '../disk/effect.ts';
import { Image } from '../disk/image.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { type CrashState, crashStatesAt, imageAfter } from './crash-states.ts';
import { type ExpectedAfterCrash, expectedAfter, NOTHING } from './oracle.ts';
import { faultsOn, recover } from './recovery.ts';
import { Author, type Workload } from './workload.ts';

export interface Crash {
  /** So many effects had reached the disk's cache. */
  readonly after: number;
  /** What became of those that were not synced. */
  readonly crashState: CrashState;
}

/** What was lost, or kept the log from being opened, and by which crashes, one after the other. */
export interface CrashFault {
  readonly crashes: readonly Crash[];
  readonly faults: readonly string[];
}

export interface Explored {
  /** Moments at which the workload could crash. */
  readonly points: number;
  /** What crashes could leave, and how many of them differ. */
  readonly tried: number;
  readonly distinct: number;
  readonly faults: readonly CrashFault[];
}

export interface ExploreOptions {
  /** How many crashes there are, each but the first in the recovery from the one before. Default 2. */
  readonly levels?: number;
  /** So many of the last effects that were not synced are kept or lost in every combination, those before them together. Default 6. */
  readonly oneByOne?: number;
  /** Ends after so many faults. Default 10. */
  readonly mostFaults?: number;
}

/** Recovers from every crash that what was recorded could meet, and from every crash of that. */
export async function explore(
  recorded: Recorded,
  { levels = 2, oneByOne = 6, mostFaults = 10 }: ExploreOptions = {},
): Promise<Explored> {
  const seen = new Set<string>();
  const faults: CrashFault[] = [];
  let [points, tried] = [0, 0];

  const crashIn = async (
    { before, effects, expected }: Recorded,
    earlier: readonly Crash[],
  ): Promise<void> => {
    for (let after = 0; after <= effects.length; after++) {
      // What nobody has named yet is not there after a crash.
      if (effects[after - 1]?.kind === 'made') continue;
      if (earlier.length === 0) points++;
      const then = expectedAfter(expected, effects, after);
      for (const crashState of crashStatesAt(effects, after, oneByOne)) {
        if (faults.length >= mostFaults) return;
        tried++;
        const image = imageAfter(before, effects, after, crashState);
        const state = `${earlier.length} ${then.acknowledged.size} ${then.copied} ${image.digest()}`;
        if (seen.has(state)) continue;
        seen.add(state);
        const crashes = [...earlier, { after, crashState }];
        const disk = new SimDisk(image.copy());
        const found = await recover(disk, then, crashes.length);
        const now = expectedAfter(then, disk.effects, disk.effects.length);
        found.push(...(await faultsOn(disk, now)));
        if (found.length > 0) faults.push({ crashes, faults: [...new Set(found)] });
        else if (crashes.length < levels)
          await crashIn({ before: image, effects: disk.effects, expected: then }, crashes);
      }
    }
  };
  await crashIn(recorded, []);
  return { points, tried, distinct: seen.size, faults };
}

/** What reached a disk. */
export interface Recorded {
  readonly before: Image;
  readonly effects: readonly Effect[];
  /** Before the effects. */
  readonly expected: ExpectedAfterCrash;
}

/** All that a workload brings to an empty disk. */
export async function record(workload: Workload): Promise<Recorded> {
  const disk = new SimDisk();
  await workload.run(new Author(disk, 'bd', 1));
  return { before: new Image(), effects: disk.effects, expected: NOTHING };
}
