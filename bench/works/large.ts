import { Child } from '../child.ts';
import { median } from '../median.ts';
import { openWal } from '../open-wal.ts';
import type { Figures, Job, Work } from '../work.ts';

/** Data of about so many bytes of JSON, in shapes that are written in different ways. */
const SHAPES = {
  objects: (bytes: number) =>
    list(bytes / 92, (i) => {
      const at = 1_700_000_000_000 + i;
      return { title: `Issue number ${i}`, id: `bd-${i}`, priority: i % 5, open: i % 3 === 0, at };
    }),
  deep: (bytes: number) =>
    list(bytes / 880, (i) => {
      let item: unknown = { z: i, a: 'leaf' };
      for (let depth = 0; depth < 50; depth++)
        item = depth % 2 === 1 ? [item, depth] : { level: item, depth, a: 'x' };
      return item;
    }),
  text: (bytes: number) => 'The quick brown fox. '.repeat(bytes / 21),
  foreign: (bytes: number) => 'Größe, 大小, размер. '.repeat(bytes / 32),
} as const;
type Shape = keyof typeof SHAPES;

function list<T>(length: number, item: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => item(i));
}

/** One process appends large entries: what does that take beside JSON.stringify of the same data? */
export const large: Work<'large'> = {
  trial: async (task) => (await new Child({ ...task, role: 'writer', seed: 1 }).answer()) as Figures,
  roles: { writer },
};

async function writer(job: Job<'large'>): Promise<Figures> {
  const { bytes, times } = job.settings;
  const wal = await openWal(job);
  const figures: Record<string, number> = {};
  for (const name of Object.keys(SHAPES) as Shape[]) {
    const data = SHAPES[name](bytes);
    const [stringified, appended]: [number[], number[]] = [[], []];
    for (let i = 0; i < times; i++) {
      stringified.push(await worked(() => JSON.stringify(data)));
      appended.push(await worked(() => wal.append({ op: 'add', id: name, data })));
    }
    figures[`${name}Stringify`] = median(stringified);
    figures[name] = median(appended);
    figures[`${name}Ratio`] = median(appended.map((ms, i) => ms / (stringified[i] as number)));
  }
  await wal.close();
  return {
    ...figures,
    worst: Math.max(...Object.keys(SHAPES).map((name) => figures[`${name}Ratio`] as number)),
  };
}

/** Milliseconds of processor time, of all threads. */
async function worked(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
