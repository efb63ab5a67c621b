import { hasCode } from '../../errors/errors.ts';
import { Wal, type WalOptions } from '../../index.ts';
import type { AppendJob, AppendNews } from '../append-process.ts';
import { Child } from '../child.ts';

export interface ContentionOptions {
  /** How many processes write at once. Default 5. */
  readonly clients?: number;
  /** How many entries each appends, one after the other. Default 10. */
  readonly appends?: number;
  /** How each opens the log: what of the options of `Wal.open` is JSON. Default: as `Wal.open` does. */
  readonly options?: WalOptions;
}

export interface ContentionReport {
  readonly acknowledged: number;
  /** The error's code of each append that failed. */
  readonly failed: readonly string[];
  /** Ids that were acknowledged, and are not in the log under the number that they were acknowledged with. */
  readonly lost: readonly string[];
  /** Ids that are there more than once. */
  readonly doubled: readonly string[];
  /** Lines that others overtook, so that they were written again. */
  readonly superseded: number;
  /** The slowest append, in milliseconds. */
  readonly slowestMs: number;
}

/**
 * Has processes append to the log in a directory all at once, from a common start, and looks at what became of it. The log may be
 * in use, and is made where it is missing; it must not be compacted meanwhile. The entries have the op `add`, and ids such as `contention-3n7`. Rejects where a
 * process cannot do its work, such as open the log.
 */
export async function simulateContention(
  directory: string,
  { clients = 5, appends = 10, options = {} }: ContentionOptions = {},
): Promise<ContentionReport> {
  const before = await headOf(directory);
  const names = Array.from({ length: clients }, (_, i) => `contention-${i}`);
  const children = names.map(
    (client) =>
      new Child<AppendNews>('append-process', {
        directory,
        client,
        count: appends,
        options,
      } satisfies AppendJob),
  );
  try {
    await Promise.all(children.map((child) => child.told(({ kind }) => kind === 'ready')));
    for (const child of children) child.send('go');
    await Promise.all(children.map((child) => child.told(({ kind }) => kind === 'done')));
  } finally {
    for (const child of children) child.signal('SIGKILL');
    await Promise.all(children.map(({ ended }) => ended));
  }
  return compare(
    directory,
    before,
    children.flatMap(({ messages }) => messages),
  );
}

/** The number of the last entry; 0 where there is no log yet. */
async function headOf(directory: string): Promise<number> {
  let wal: Wal;
  try {
    wal = await Wal.open(directory, { readOnly: true });
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_NOT_FOUND')) return 0;
    throw error;
  }
  try {
    return (await wal.head()).seq;
  } finally {
    await wal.close();
  }
}

async function compare(
  directory: string,
  before: number,
  news: readonly AppendNews[],
): Promise<ContentionReport> {
  const acks = news.filter((each) => each.kind === 'ack');
  const done = news.filter((each) => each.kind === 'done');
  const found = await placesOf(directory, new Set(acks.map(({ id }) => id)), before + 1);
  return {
    acknowledged: acks.length,
    failed: news.filter((each) => each.kind === 'failed').map(({ code }) => code),
    lost: acks.filter(({ id, seq }) => !found.get(id)?.includes(seq)).map(({ id }) => id),
    doubled: [...found].filter(([, seqs]) => seqs.length > 1).map(([id]) => id),
    superseded: done.reduce((sum, each) => sum + each.superseded, 0),
    slowestMs: Math.max(0, ...done.map(({ slowestMs }) => slowestMs)),
  };
}

/** Under which numbers, from that on, those ids are in the log. */
async function placesOf(
  directory: string,
  ids: ReadonlySet<string>,
  from: number,
): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    for await (const { id, seq } of wal.read({ from: Math.max(from, await wal.oldest()) }))
      if (ids.has(id)) found.set(id, [...(found.get(id) ?? []), seq]);
  } finally {
    await wal.close();
  }
  return found;
}
