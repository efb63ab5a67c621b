import type { Wal } from '../index.ts';

/** What the writers of a log know of what they appended: each id once. */
export interface Told {
  /** Seqs of what was acknowledged, by id. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Ids of all that anybody tried to append. Absent: not known. */
  readonly tried?: ReadonlySet<string>;
  /** Ids of what was told as not written. */
  readonly refused?: ReadonlySet<string>;
  /** An id that may have been appended any number of times. */
  readonly repeated?: string;
}

/** Holds a log against what was told of it. Answers what does not hold. */
export async function faultsIn(
  wal: Wal,
  { acknowledged, tried, refused, repeated }: Told,
): Promise<string[]> {
  const faults: string[] = [];
  const table = await wal.table();
  const items = new Map(table.list().map((item) => [item.id, item]));
  for (const [id, seq] of acknowledged) {
    const rev = items.get(id)?.rev;
    if (rev === undefined) faults.push(`${id} was acknowledged as entry ${seq}, and is lost`);
    else if (rev !== seq) faults.push(`${id} was acknowledged as entry ${seq}, and is entry ${rev}`);
  }
  for (const { id, version } of items.values()) {
    if (tried?.has(id) === false) faults.push(`${id} is there, which nobody wrote`);
    if (refused?.has(id)) faults.push(`${id} is there, and was told as not written`);
    if (id !== repeated && version !== 1) faults.push(`${id} is there ${version} times`);
  }
  const { error, missing } = await wal.verify();
  if (error !== undefined) faults.push(`verify: ${error.message}`);
  for (const { from, to } of missing) faults.push(`verify: entries ${from} to ${to} are missing`);
  return faults;
}
