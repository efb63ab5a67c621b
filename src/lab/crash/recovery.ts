import { messageOf } from '../../errors/errors.ts';
import { Wal } from '../../index.ts';
import type { SimDisk } from '../disk/sim-disk.ts';
import type { Promised } from './promise.ts';
import { Author, COPY, LOG, surroundingsOn } from './workload.ts';

/** No workload opens so many logs. */
const SEEDS_APART = 1000;

/**
 * Opens what a crash left as the next process would, and appends. Answers what does not hold, before and after that.
 * `level`: how many crashes there were.
 */
export async function recover(disk: SimDisk, promised: Promised, level: number): Promise<string[]> {
  const author = new Author(disk, `after${level}`, level * SEEDS_APART);
  try {
    const before = await faultsIn(disk, LOG, promised, promised.acknowledged);
    const wal = await author.open();
    await author.append(wal);
    await wal.close();
    return before;
  } catch (error) {
    return [faultOf(error)];
  }
}

/** What does not hold of what is on a disk. */
export async function faultsOn(disk: SimDisk, promised: Promised): Promise<string[]> {
  const { acknowledged, copied } = promised;
  try {
    const faults = await faultsIn(disk, LOG, promised, acknowledged);
    if (copied === undefined) return faults;
    const inCopy = new Map([...acknowledged].filter(([, seq]) => seq <= copied));
    return [...faults, ...(await faultsIn(disk, COPY, promised, inCopy))];
  } catch (error) {
    return [faultOf(error)];
  }
}

function faultOf(error: unknown): string {
  return `${(error as { code?: string }).code ?? 'failed'}: ${messageOf(error)}`;
}

/** Faults of the log in a directory, as a reader has it. One that was never made holds nothing. */
async function faultsIn(
  disk: SimDisk,
  directory: string,
  { tried }: Promised,
  acknowledged: Promised['acknowledged'],
): Promise<string[]> {
  if (acknowledged.size === 0 && disk.look(`${directory}/wal.json`) === undefined) return [];
  const faults: string[] = [];
  const wal = await Wal.openIn(surroundingsOn(disk, 0), directory, { readOnly: true });
  try {
    const table = await wal.table();
    const items = new Map(table.list().map((item) => [item.id, item]));
    for (const [id, seq] of acknowledged) {
      const item = items.get(id);
      if (item === undefined) faults.push(`${id} was acknowledged as entry ${seq}, and is lost`);
      else if (item.rev !== seq)
        faults.push(`${id} was acknowledged as entry ${seq}, and is entry ${item.rev}`);
    }
    for (const { id, version } of items.values()) {
      if (!tried.has(id)) faults.push(`${id} is there, which nobody wrote`);
      if (version !== 1) faults.push(`${id} is there ${version} times`);
    }
    const { error, missing } = await wal.verify();
    if (error !== undefined) faults.push(`verify: ${error.message}`);
    for (const { from, to } of missing) faults.push(`verify: entries ${from} to ${to} are missing`);
  } finally {
    await wal.close();
  }
  return faults;
}
