import type { VerifyReport, Wal } from '../../src/index.ts';
import type { Item } from '../../src/table/item.ts';

/** What the writers of a log know of what they appended: each id once. */
export interface Expected {
  /** Seqs of what was acknowledged, by id. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Ids of all that anybody tried to append. Absent: not known. */
  readonly tried?: ReadonlySet<string>;
  /** Ids of what was told as not written. */
  readonly refused?: ReadonlySet<string>;
  /** Ids that may have been appended any number of times. */
  readonly repeated?: readonly string[];
}

/** Holds a log against what was told of it. Answers what does not hold. */
export async function faultsIn(wal: Wal, told: Expected): Promise<string[]> {
  const table = await wal.table();
  return [...faultsOf(table.list(), told), ...faultsOfLines(await wal.verify())];
}

/** Holds the state of a log against what was told of it. */
export function faultsOf(
  items: readonly Pick<Item, 'id' | 'rev' | 'version'>[],
  { acknowledged, tried, refused, repeated = [] }: Expected,
): string[] {
  const faults: string[] = [];
  const revs = new Map(items.map(({ id, rev }) => [id, rev]));
  for (const [id, seq] of acknowledged) {
    const rev = revs.get(id);
    if (rev === undefined) faults.push(`${id} was acknowledged as entry ${seq}, and is lost`);
    else if (rev !== seq) faults.push(`${id} was acknowledged as entry ${seq}, and is entry ${rev}`);
  }
  for (const { id, version } of items) {
    if (tried?.has(id) === false) faults.push(`${id} is there, which nobody wrote`);
    if (refused?.has(id)) faults.push(`${id} is there, and was told as not written`);
    if (version !== 1 && !repeated.includes(id)) faults.push(`${id} is there ${version} times`);
  }
  return faults;
}

/** What `verify` finds. */
export function faultsOfLines({ error, missing }: Pick<VerifyReport, 'error' | 'missing'>): string[] {
  const open = missing.filter(({ settled }) => !settled);
  const lost = open.map(({ from, to }) => `verify: entries ${from} to ${to} are missing`);
  return error === undefined ? lost : [`verify: ${error.message}`, ...lost];
}
