import { messageOf } from '../../src/errors/errors.ts';
import { Wal } from '../../src/index.ts';
import type { SimDisk } from '../disk/sim-disk.ts';
import { type Expected, faultsIn } from '../support/oracle.ts';
import type { ExpectedAfterCrash, RepairMode } from './oracle.ts';
import { Author, COPY, environmentOn, LOG } from './workload.ts';

/** No workload opens so many logs. */
const SEEDS_APART = 1000;

/**
 * Opens what a crash left as the next process would, once it is mended where it had been damaged, and appends. Answers what does not hold, before and after that.
 * `level`: how many crashes there were.
 */
export async function recover(disk: SimDisk, expected: ExpectedAfterCrash, level: number): Promise<string[]> {
  const author = new Author(disk, `after${level}`, level * SEEDS_APART);
  try {
    if (expected.repair !== undefined) await repairAsAdvised(author, expected.repair);
    const before = await faultsAt(disk, LOG, expected);
    const wal = await author.open();
    await author.append(wal);
    await wal.close();
    return before;
  } catch (error) {
    return [faultOf(error)];
  }
}

/** Where a crash made two lines one, a record at the end would bury the second: that is refused, and a salvage advised. */
async function repairAsAdvised(author: Author, mode: RepairMode): Promise<void> {
  try {
    await author.repair(mode);
  } catch (error) {
    const isAdvised = mode === 'tail' && messageOf(error).includes('repair --mode salvage');
    if (!isAdvised) throw error;
    await author.repair('salvage');
  }
}

/** What does not hold of what is on a disk. */
export async function faultsOn(disk: SimDisk, expected: ExpectedAfterCrash): Promise<string[]> {
  const { acknowledged, copied } = expected;
  try {
    const faults = await faultsAt(disk, LOG, expected);
    if (copied === undefined) return faults;
    const inCopy = new Map([...acknowledged].filter(([, seq]) => seq <= copied));
    return [...faults, ...(await faultsAt(disk, COPY, { ...expected, acknowledged: inCopy }))];
  } catch (error) {
    return [faultOf(error)];
  }
}

function faultOf(error: unknown): string {
  return `${(error as { code?: string }).code ?? 'failed'}: ${messageOf(error)}`;
}

/** Faults of the log in a directory, as a reader has it. One that was never made holds nothing. */
async function faultsAt(disk: SimDisk, directory: string, told: Expected): Promise<string[]> {
  if (told.acknowledged.size === 0 && disk.look(`${directory}/wal.json`) === undefined) return [];
  const wal = await Wal.openIn(environmentOn(disk, 0), directory, { readOnly: true });
  try {
    return await faultsIn(wal, told);
  } finally {
    await wal.close();
  }
}
