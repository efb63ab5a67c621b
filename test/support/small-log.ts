import { readdirSync } from 'node:fs';
import { lastData, type Table, Wal, type WalOptions } from '../../src/index.ts';
import { changedEnvironment, changedStorage, type FileChanges } from '../../src/lab/wrapped-storage.ts';
import { inScratch } from './scratch.ts';

/** Options of a log that soon has several segments. */
export const SMALL = { segmentBytes: 4096 } as const;
export const SEGMENT = /^[0-9]{20}\.jsonl$/;
export const SNAPSHOT = /^snapshot-[0-9]{20}\.jsonl$/;

export function entry(id: string, n: number) {
  return { op: 'update', id, data: { n, text: 'x'.repeat(200) } };
}

/** An update of one of ten ids. */
export function numbered(n: number) {
  return entry(`bd-${n % 10}`, n);
}

/** Appends `count` updates to ten ids, the numbers going on from `from`. */
export async function fill(wal: Wal, count: number, from = 1): Promise<void> {
  for (let n = from; n < from + count; n++) await wal.append(numbered(n));
}

/** The names in a directory that match. */
export function files(directory: string, pattern: RegExp): string[] {
  return readdirSync(directory)
    .filter((name) => pattern.test(name))
    .sort();
}

/** The state as a new reader has it. */
export async function stateOf(directory: string) {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    const table = await wal.table<{ n: number }>();
    return table.list().map(({ id, rev, version, value }) => ({ id, rev, version, n: value.n }));
  } finally {
    await wal.close();
  }
}

export async function seqsFrom(wal: Wal, from?: number): Promise<number[]> {
  const seqs = [];
  for await (const { seq } of wal.read(from === undefined ? {} : { from })) seqs.push(seq);
  return seqs;
}

/** Runs it with a log that is new. */
export async function inLog(
  name: string,
  body: (wal: Wal, directory: string) => Promise<void>,
  options: WalOptions = SMALL,
): Promise<void> {
  await inScratch(name, async (directory) => {
    const wal = await Wal.open(directory, options);
    try {
      await body(wal, directory);
    } finally {
      await wal.close();
    }
  });
}

/** What the state of a log has in it that `inTable` runs with. */
export interface Count {
  readonly n: number;
}

/** Runs it with a table of a log that is new. */
export function inTable(
  name: string,
  body: (table: Table<Count>, wal: Wal, directory: string) => Promise<void>,
  options: WalOptions = {},
): Promise<void> {
  const within = async (wal: Wal, directory: string) => body(await wal.table<Count>(), wal, directory);
  return inLog(name, within, { fold: lastData, ...options });
}

/** Opens a log on the real disk, but for what is changed in the files of its segments and snapshots. */
export function openChanged(directory: string, changes: FileChanges, options: WalOptions = {}): Promise<Wal> {
  return Wal.openIn(changedEnvironment({ storage: changedStorage({}, changes) }), directory, options);
}
