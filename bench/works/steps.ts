import { Bench } from 'tinybench';
import { type Entry, entryBody } from '../../src/format/entry.ts';
import { ENVELOPE_BYTES } from '../../src/format/line.ts';
import { readAny, readEnvelope } from '../../src/format/read-line.ts';
import { singleRecord } from '../../src/format/record.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import type { Figures, Job, Work } from '../work.ts';

/** One iteration takes a step for so many entries: reading the clock then weighs little. */
const ENTRIES = 256;
const RULES = { maxEntryBytes: 2 ** 20, values: 'strict' } as const;

/** The steps of an append and of a read of its line, in memory: no lock, no file. The last two are what they are compared with. */
const STEPS = {
  serialise: ({ entry }: Made) => entryBody(entry, 0, RULES),
  write: ({ bytes, text, seq }: Made) => write(bytes, text, seq),
  read: ({ bytes, end }: Made) => readEnvelope(bytes, 0, end),
  record: ({ bytes, end, line }: Made) => singleRecord(line, bytes, 0, end),
  any: ({ bytes, end }: Made) => readAny(bytes, 0, end),
  stringify: ({ entry }: Made) => JSON.stringify(entry),
  parse: ({ json }: Made) => JSON.parse(json),
};
type Made = ReturnType<typeof make>;

/** How long each step takes for one entry, in a process that does nothing else, measured by tinybench. */
export const steps: Work<'steps'> = {
  trial: async (task) => (await new Child({ ...task, role: 'stepper', seed: 1 }).answer()) as Figures,
  roles: { stepper },
};

async function stepper({ seed, settings: { ms } }: Job<'steps'>): Promise<Figures> {
  const made = makeEntries(ENTRIES, seed).map(make);
  const bench = new Bench({ time: ms, iterations: 4, warmupTime: ms / 4, warmupIterations: 4, throws: true });
  for (const [name, step] of Object.entries(STEPS)) {
    bench.add(name, () => {
      for (const one of made) if (step(one) === undefined) throw new Error(`The step ${name} made nothing`);
    });
  }
  const microseconds = bench.runSync().map(({ name, result }) => {
    if (result.state !== 'completed') throw new Error(`The measurement of ${name} ${result.state}`);
    // The median: an iteration during which another process had the core does not count.
    return [name, (1000 * result.latency.p50) / ENTRIES];
  });
  const us: Record<keyof typeof STEPS, number> = Object.fromEntries(microseconds);
  const written = (us.serialise + us.write) / us.stringify;
  return { ...us, written, readAgain: (us.read + us.record) / us.parse };
}

/** An entry as it is before and after each step. */
function make(entry: Entry, i: number) {
  const { text, bytes: length } = entryBody(entry, 0, RULES);
  const bytes = Buffer.alloc(length + ENVELOPE_BYTES);
  const end = write(bytes, text, i + 1) - 1;
  const line = readEnvelope(bytes, 0, end);
  // The quick way to read a line fills in the id; readAny does not.
  if (line?.id !== entry.id) throw new Error('The line of a made entry is not read as most lines are');
  return { entry, text, bytes, seq: i + 1, end, line, json: JSON.stringify(entry) };
}

function write(bytes: Buffer, text: string, seq: number): number {
  const place = {
    prev: '77e0c2d1',
    seq,
    synced: seq - 1,
    ts: 1_700_000_000_000,
    writer: 'k3j9x2ab.1',
    crc: '',
  };
  return writeLine(bytes, 0, text, place);
}
