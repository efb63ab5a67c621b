import { join } from 'node:path';
import { type Entry, Wal } from '../../src/index.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { subjectOf } from '../subjects.ts';
import type { Job, Work } from '../work.ts';

/** All appends of one process called at once: does each cost as much where there are twice as many? */
export const flood: Work<'flood'> = {
  trial: async (task) => {
    const { appends } = task.settings;
    const flooded = async (part: 'half' | 'whole') => {
      const settings = { ...task.settings, appends: part === 'half' ? appends / 2 : appends };
      const directory = join(task.directory, part);
      return (await new Child({
        ...task,
        settings,
        directory,
        role: 'flooder',
        seed: 1,
      }).answer()) as Flooded;
    };
    const [half, whole] = [await flooded('half'), await flooded('whole')];
    return {
      half: half.called,
      whole: whole.called,
      ratio: whole.called / half.called,
      waitingHalf: half.waited,
      waiting: whole.waited,
      waitingRatio: whole.waited / half.waited,
    };
  },
  roles: { flooder },
};

interface Flooded {
  /** Milliseconds of processor time for all, with room for all. */
  readonly called: number;
  /** The same where each waits for room. */
  readonly waited: number;
}

async function flooder({ subject, directory, seed, settings }: Job<'flood'>): Promise<Flooded> {
  const { lock = 'auto' } = subjectOf(subject);
  const entries = makeEntries(settings.appends, seed);
  const timed = async (
    name: string,
    maxPendingBytes: number,
    append: (wal: Wal, entry: Entry) => unknown,
  ) => {
    const wal = await Wal.open(join(directory, name), { lock, maxPendingBytes });
    const start = process.cpuUsage();
    await Promise.all(entries.map((entry) => append(wal, entry)));
    const { user, system } = process.cpuUsage(start);
    await wal.close();
    return (user + system) / 1000;
  };
  return {
    called: await timed('called', 2 ** 30, (wal, entry) => wal.append(entry)),
    waited: await timed('waited', 2 ** 24, async (wal, entry) => {
      await wal.ready();
      return wal.append(entry);
    }),
  };
}
