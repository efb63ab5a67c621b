import type { Head } from '../../format/chain.ts';
import { lineBytes, REPAIR_OP, writeLine } from '../../format/line.ts';
import { META_FILE, segmentName } from '../../format/names.ts';
import { Wal, WalError } from '../../index.ts';
import { noLock } from '../../lock/lock.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import type { Recorded } from './explore.ts';
import { imageAfter } from './fates.ts';
import { LOG, surroundingsOn } from './workload.ts';

/** What `npm run crash` calls it. */
export const LOSSES = 'losses';

/** What becomes of a line that had been synced: its bytes are zeros, or one of them is another. */
type Loss = 'zeros' | 'altered';

const PATH = `${LOG}/${segmentName(1)}`;

/** A line, as anybody can read it. */
interface Line {
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
}

/**
 * Takes each line of a log of one segment away, as a disk does that does not keep what it synced. What later lines prove
 * must be told, all of it and no more, and nobody may append until it is repaired; where nothing is proven, the log goes
 * on. And takes wal.json away, which is never made anew.
 */
export async function tryLosses({ before, effects }: Recorded): Promise<{ tried: number; faults: string[] }> {
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
      for (const fault of await faultsAfter(disk, { missing, refused }))
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
    const { seq, synced } = JSON.parse(bytes.toString('utf8', start, end));
    lines.push({ start, end, seq, synced });
  }
  return lines;
}

function lose(disk: SimDisk, { start, end }: Line, loss: Loss): void {
  const file = disk.open(PATH, 'update');
  if (loss === 'zeros') file.writeAt(Buffer.alloc(end - start), start);
  else file.writeAt(Buffer.from('?'), Math.floor((start + end) / 2));
}

async function faultsAfter(disk: SimDisk, { missing, refused }: Expected): Promise<string[]> {
  const before = await verified(disk);
  const faults: string[] = [];
  if (before.missing !== missing) faults.push(`${missing} is missing, and verify says ${before.missing}`);
  if (before.ok === refused) faults.push(`verify says ok: ${before.ok}`);
  const opened = await opening(disk);
  if (opened !== (refused ? 'ERR_WAL_CORRUPT' : 'opened')) faults.push(`opening it to append: ${opened}`);
  if (!refused || faults.length > 0) return faults;
  repair(disk, before.head);
  const after = await verified(disk);
  if (!after.ok || after.missing !== missing)
    faults.push(`repaired, verify says ${after.missing}, ok: ${after.ok}`);
  const again = await opening(disk);
  if (again !== 'opened') faults.push(`opening it to append once it was repaired: ${again}`);
  return faults;
}

async function verified(disk: SimDisk): Promise<{ missing: string; ok: boolean; head: Head }> {
  const wal = await Wal.openIn(surroundingsOn(disk, 0), LOG, { readOnly: true });
  const { ok, missing, head } = await wal.verify();
  await wal.close();
  return { ok, head, missing: missing.map(({ from, to }) => `${from} to ${to}`).join(', ') || 'nothing' };
}

/** Opens it and appends; the code of the error that this ends in. */
async function opening(disk: SimDisk): Promise<string> {
  try {
    const wal = await Wal.openIn(surroundingsOn(disk, 1), LOG, { lock: noLock() });
    await wal.append({ op: 'add', id: 'after' });
    await wal.close();
    return 'opened';
  } catch (error) {
    return error instanceof WalError ? error.code : String(error);
  }
}

/** Appends a repair, also where the engine would not, because what lies beyond can still be read. */
function repair(disk: SimDisk, { seq, crc: prev }: Head): void {
  const body = `"id":"repair","op":"${REPAIR_OP}"`;
  const line = Buffer.alloc(lineBytes(body.length));
  const place = { prev, seq: seq + 1, synced: 0, ts: 0, writer: 'zzzzzzzz.1', crc: '' };
  disk.open(PATH, 'append').append([line.subarray(0, writeLine(line, 0, body, place))]);
}
