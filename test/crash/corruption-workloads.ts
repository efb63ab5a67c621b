import { RESERVED_OP_PREFIX } from '../../src/format/line.ts';
import { META_FILE, segmentName } from '../../src/format/names.ts';
import { Wal, WalError } from '../../src/index.ts';
import { noLock } from '../../src/lock/lock.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { imageAfter } from './crash-states.ts';
import type { Recorded } from './explore.ts';
import { environmentOn, LOG } from './workload.ts';

/** What `npm run crash` calls it. */
export const CORRUPTION_WORKLOADS = 'losses';

/** What becomes of a line that had been synced: its bytes are zeros, or one of them is another. */
type Loss = 'zeros' | 'altered';

const PATH = `${LOG}/${segmentName(1)}`;

/** A line, as anybody can read it. */
interface Line {
  readonly id: string;
  readonly start: number;
  readonly end: number;
  readonly seq: number;
  readonly synced: number;
}

/** What must be told of a log. */
interface Expected {
  /** The entries that later lines prove to be missing. */
  readonly missing: string;
  /** Whether it must be refused to writers. */
  readonly refused: boolean;
  /** Whether entries come after the one that was lost. */
  readonly goesOn: boolean;
  /** The ids that must be there once it was repaired. */
  readonly left: readonly string[];
}

/**
 * Takes each line of a log of one segment away, as a disk does that does not keep what it synced. What later lines prove
 * must be told, all of it and no more, and nobody may append until it is repaired, which keeps all other entries; where
 * nothing is proven, the log goes on. And takes wal.json away, which is never made anew.
 */
export async function tryCorruptions({
  before,
  effects,
}: Recorded): Promise<{ tried: number; faults: string[] }> {
  const faults: string[] = [];
  const image = imageAfter(before, effects, effects.length, { lost: new Set() });
  const lines = linesOn(new SimDisk(image.copy()));
  for (const [number, line] of lines.entries()) {
    const proven = Math.max(...lines.slice(number + 1).map(({ synced }) => synced));
    const missing = proven >= line.seq ? `${line.seq} to ${proven}` : 'nothing';
    for (const loss of ['zeros', 'altered'] as const) {
      const disk = new SimDisk(image.copy());
      lose(disk, line, loss);
      const refused = loss === 'altered' || missing !== 'nothing';
      const goesOn = line !== lines.at(-1);
      const left = lines.filter((each) => each !== line).map(({ id }) => id);
      for (const fault of await faultsAfter(disk, { missing, refused, goesOn, left }))
        faults.push(`entry ${line.seq}, ${loss}: ${fault}`);
    }
  }
  const disk = new SimDisk(image.copy());
  disk.remove(`${LOG}/${META_FILE}`);
  const opened = await opening(disk);
  if (opened !== 'ERR_WAL_FORMAT') faults.push(`opening it to append without ${META_FILE}: ${opened}`);
  return { tried: 2 * lines.length + 1, faults };
}

function linesOn(disk: SimDisk): Line[] {
  const bytes = Buffer.alloc(disk.look(PATH)?.size ?? 0);
  disk.open(PATH, 'read').read(bytes, 0);
  const lines: Line[] = [];
  for (
    let start = 0, end = bytes.indexOf('\n');
    end >= 0;
    start = end + 1, end = bytes.indexOf('\n', start)
  ) {
    const { id, seq, synced } = JSON.parse(bytes.toString('utf8', start, end));
    lines.push({ id, start, end, seq, synced });
  }
  return lines;
}

function lose(disk: SimDisk, { start, end }: Line, loss: Loss): void {
  const file = disk.open(PATH, 'update');
  if (loss === 'zeros') file.writeAt(Buffer.alloc(end - start), start);
  else file.writeAt(Buffer.from('?'), Math.floor((start + end) / 2));
}

async function faultsAfter(disk: SimDisk, { missing, refused, goesOn, left }: Expected): Promise<string[]> {
  const before = await verified(disk);
  const faults: string[] = [];
  if (before.missing !== missing) faults.push(`${missing} is missing, and verify says ${before.missing}`);
  if (before.ok === refused) faults.push(`verify says ok: ${before.ok}`);
  const opened = await opening(disk);
  if (opened !== (refused ? 'ERR_WAL_CORRUPT' : 'opened')) faults.push(`opening it to append: ${opened}`);
  if (!refused || faults.length > 0) return faults;
  // A record at the end would bury the entries that come after.
  const repaired = await repair(disk, 'tail');
  if (repaired !== (goesOn ? 'ERR_WAL_CORRUPT' : 'repaired')) faults.push(`mending its tail: ${repaired}`);
  if (goesOn) await repair(disk, 'salvage');
  const after = await verified(disk);
  if (!after.ok) faults.push('repaired, verify says that it is not');
  if (String(after.ids) !== String(left)) faults.push(`repaired, it has ${after.ids}`);
  const again = await opening(disk);
  if (again !== 'opened') faults.push(`opening it to append once it was repaired: ${again}`);
  return faults;
}

async function verified(disk: SimDisk): Promise<{ missing: string; ok: boolean; ids: string[] }> {
  const wal = await Wal.openIn(environmentOn(disk, 0), LOG, { readOnly: true });
  const { ok, missing } = await wal.verify();
  const ids: string[] = [];
  if (ok) for await (const { id, op } of wal.read()) if (!op.startsWith(RESERVED_OP_PREFIX)) ids.push(id);
  await wal.close();
  return { ok, ids, missing: missing.map(({ from, to }) => `${from} to ${to}`).join(', ') || 'nothing' };
}

/** Opens it and appends; the code of the error that this ends in. */
async function opening(disk: SimDisk): Promise<string> {
  try {
    const wal = await Wal.openIn(environmentOn(disk, 1), LOG, { lock: noLock() });
    await wal.append({ op: 'add', id: 'after' });
    await wal.close();
    return 'opened';
  } catch (error) {
    return error instanceof WalError ? error.code : String(error);
  }
}

async function repair(disk: SimDisk, mode: 'tail' | 'salvage'): Promise<string> {
  try {
    await repairLog(environmentOn(disk, 2), LOG, { mode }, noLock());
    return 'repaired';
  } catch (error) {
    return error instanceof WalError ? error.code : String(error);
  }
}
