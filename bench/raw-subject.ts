import * as fs from 'node:fs';
import { join } from 'node:path';
import { snapshotSeq } from '../src/format/names.ts';
import { type Entry, lastData, Wal } from '../src/index.ts';
import { batchesOf, fillByAppending, type Session, type StateSession, type Subject } from './subject.ts';

/** A line as long as the log's, made before the clock starts: what is left is the disk. */
function lineOf({ data, id, op, ts }: Entry, i: number): Buffer {
  return madeLine({ data, id, op }, ts as number, i);
}

/** The same of the line of a batch. */
function batchLineOf(batch: readonly Entry[], i: number): Buffer {
  const entries = batch.map(({ data, id, op, ts }) => ({ data, id, op, ts }));
  return madeLine({ entries }, batch[0]?.ts as number, i);
}

function madeLine(body: object, ts: number, i: number): Buffer {
  const envelope = { prev: '77e0c2d1', seq: 1000 + i, synced: 1000 + i, ts, writer: `k3j9x2ab.${1000 + i}` };
  return Buffer.from(`${JSON.stringify({ crc: '9f3a01bc', ...body, ...envelope })}\n`);
}

/** How many entries that have an id a line holds, which is parsed. */
function countIn(line: string): number {
  const { id, entries } = JSON.parse(line) as { id?: string; entries?: readonly { readonly id: string }[] };
  if (entries === undefined) return id === '' ? 0 : 1;
  let count = 0;
  for (const entry of entries) if (entry.id !== '') count++;
  return count;
}

/** The bare disk: write and fdatasync, one line at a time, or all that is in flight at once. */
export function rawSubject(grouped: boolean): Subject {
  return {
    settings: `no log: write + fdatasync of lines made beforehand, ${grouped ? 'all in flight at once' : 'one at a time'}`,
    open: ({ directory, entries }) => {
      const lines = new Map(entries.map((entry, i) => [entry, lineOf(entry, i)]));
      const path = join(directory, 'raw.jsonl');
      const file = fs.openSync(path, 'a');
      const put = (bytes: Buffer): void => {
        fs.writeSync(file, bytes);
        fs.fdatasyncSync(file);
      };
      let group: Buffer[] = [];
      let landing: Promise<void> | undefined;
      const flush = (): void => {
        const bytes = Buffer.concat(group);
        group = [];
        landing = undefined;
        put(bytes);
      };
      const session: Session = {
        append: (entry) => {
          const line = lines.get(entry) as Buffer;
          if (!grouped) return put(line);
          group.push(line);
          landing ??= Promise.resolve().then(flush);
          return landing;
        },
        fill: async (more, batch = 1) => {
          if (batch === 1) await fillByAppending(session, more);
          else for (const each of batchesOf(more, batch)) put(batchLineOf(each, 0));
        },
        replay: () => {
          let count = 0;
          for (const line of fs.readFileSync(path, 'utf8').split('\n')) {
            if (line !== '') count += countIn(line);
          }
          return count;
        },
        close: () => fs.closeSync(file),
      };
      return session;
    },
    openState: ({ directory }) => snapshotState(directory),
  };
}

interface SnapshotItem {
  readonly id?: string;
  readonly value?: unknown;
}

/** The values in a log's snapshot: readFile, split, and JSON.parse of each line. */
function snapshotState(directory: string): StateSession {
  const values = new Map<string, unknown>();
  const name = fs.readdirSync(directory).find((each) => snapshotSeq(each) !== undefined);
  const lines = name === undefined ? [] : fs.readFileSync(join(directory, name), 'utf8').split('\n');
  for (const line of lines) {
    if (line === '') continue;
    const { id, value } = JSON.parse(line) as SnapshotItem;
    if (id !== undefined) values.set(id, value);
  }
  return {
    fill: async (entries) => {
      const wal = await Wal.open(directory);
      await fillByAppending(wal, entries);
      await wal.compact({ fold: lastData });
      await wal.close();
    },
    update: () => {
      throw new Error('The raw disk updates nothing');
    },
    get: (id) => values.get(id),
    readAll: () => values.size,
    close: () => {},
  };
}
