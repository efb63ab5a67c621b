import { Bench } from 'tinybench';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { latencyOf } from '../latency.ts';
import { subjectOf } from '../subjects.ts';
import type { Figures, Job, Work } from '../work.ts';

/** About so many appends are one iteration, so that starting and ending it weigh little. */
const ITERATION = 4096;
const ENTRIES = 4096;

/** One process, which keeps so many appends in flight: each that is acknowledged is followed by the next. */
export const stream: Work<'stream'> = {
  trial: async (task) => (await new Child({ ...task, role: 'appender', seed: 1 }).answer()) as Figures,
  roles: { appender: appendForSomeTime },
};

async function appendForSomeTime({ subject, directory, seed, settings }: Job<'stream'>): Promise<Figures> {
  const { inFlight, ms, warmup } = settings;
  const entries = makeEntries(ENTRIES, seed);
  const session = await subjectOf(subject).open({ directory, shared: false, entries });
  let samples: number[] = [];
  let before = process.cpuUsage();
  let used = before;
  let next = 0;
  const turns = inFlight === 1 ? 1 : Math.ceil(ITERATION / inFlight);
  const runner = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) {
      const entry = entries[next++ % ENTRIES];
      const start = performance.now();
      await session.append(entry as (typeof entries)[number]);
      samples.push(performance.now() - start);
    }
  };
  const iteration = async (): Promise<void> => {
    if (inFlight === 1) return runner();
    await Promise.all(Array.from({ length: inFlight }, runner));
  };
  // Few iterations are enough where they are large: what tinybench is to keep to is the time.
  const warm = { warmupTime: ms / 4, warmupIterations: warmup };
  const bench = new Bench({ time: ms, iterations: 2, ...warm, throws: true });
  bench.add('append', iteration, {
    async: true,
    beforeAll: () => {
      samples = [];
      before = process.cpuUsage();
    },
    afterAll: () => {
      used = process.cpuUsage(before);
    },
  });
  const [task] = await bench.run();
  await session.close();
  if (task?.result.state !== 'completed') throw new Error(`The measurement ${task?.result.state}`);
  return {
    rate: (1000 * inFlight * turns) / task.result.latency.mean,
    cpu: (used.user + used.system) / samples.length,
    ...latencyOf(samples),
  };
}
