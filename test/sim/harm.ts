import type { Envelope } from '../../src/format/line.ts';
import { META_FILE, segmentSeq } from '../../src/format/names.ts';
import { readEnvelope } from '../../src/format/read-line.ts';
import { SegmentScan } from '../../src/format/scan.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import { readWhole } from '../../src/storage/files.ts';
import { LOG } from '../crash/workload.ts';
import type { SimDisk } from '../disk/sim-disk.ts';

/** What was done to a log, and which whole lines it took. */
export interface Harm {
  readonly how: string;
  /** `ID SEQ` of each entry that was in them. */
  readonly entries: ReadonlySet<string>;
  /** The numbers of these entries. */
  readonly seqs: ReadonlySet<number>;
  /** Whether bytes were changed in place, so that hard links to the file have them too. */
  readonly inPlace: boolean;
  /** Whether wal.json is gone, and with it what it says. */
  readonly isOfMeta: boolean;
}

interface Line {
  readonly start: number;
  readonly end: number;
  /** The line's own bytes. */
  readonly text: string;
}

const KINDS = ['flip', 'flip', 'cut', 'remove', 'remove wal.json'] as const;
const LONGEST_CUT = 400;

/**
 * Damages a log as the dice fall: a flipped bit, a piece that is cut out of a segment or off its end, a segment or wal.json that
 * is removed. undefined where there is nothing to damage. `git`: the log is one file.
 */
export function inflict(disk: SimDisk, dice: Dice, git: boolean): Harm | undefined {
  const segments = segmentsOf(disk);
  const kind = pick(dice, KINDS) as (typeof KINDS)[number];
  const name = dice() < 0.5 ? segments.at(-1) : pick(dice, segments);
  if (name === undefined) return undefined;
  if (kind === 'remove wal.json') {
    if (git || linesIn(bytesOf(disk, name)).length === 0) return undefined;
    remove(disk, META_FILE);
    return {
      how: 'wal.json is removed',
      entries: new Set(),
      seqs: new Set(),
      inPlace: false,
      isOfMeta: true,
    };
  }
  const before = bytesOf(disk, name);
  const lines = linesIn(before);
  const hit = dice() < 0.3 ? lines.at(-1) : pick(dice, lines);
  if (hit === undefined) return undefined;
  const at = hit.start + Math.floor(dice() * (hit.end - hit.start));
  const harm = (how: string) => {
    const lost = lostWith(lines, bytesOf(disk, name));
    return { how, ...lost, inPlace: kind === 'flip', isOfMeta: false };
  };
  if (kind === 'remove') {
    if (segments.length < 2) return undefined;
    remove(disk, name);
    return harm(`${name} is removed`);
  }
  if (kind === 'flip') {
    const flipped = Buffer.from([(before[at] as number) ^ (1 << Math.floor(dice() * 8))]);
    const file = disk.open(`${LOG}/${name}`, 'update');
    file.writeAt(flipped, at);
    file.syncNow();
    return harm(`a bit is flipped at byte ${at} of ${name}`);
  }
  const to = dice() < 0.3 ? before.length : Math.min(before.length, at + Math.ceil(dice() * LONGEST_CUT));
  put(disk, name, Buffer.concat([before.subarray(0, at), before.subarray(to)]));
  return harm(`bytes ${at} to ${to} are cut out of ${name}`);
}

/**
 * Whether damage took lines that count, or wal.json, and no more: not where the lines that a crash left are damaged, nor where
 * what was overtaken by a line that is lost takes that one's number, unless it was written again since. In the newest segment it
 * may take that number all the same: whoever appends next goes on from it.
 */
export function takesCounted(before: SimDisk, after: SimDisk, { isOfMeta }: Harm): boolean {
  const [counted, left] = [acceptedIn(before), acceptedIn(after)];
  const isLess = isOfMeta || [...counted.keys()].some((line) => !left.has(line));
  const writers = new Set([...counted.values()].map(({ writer }) => writer));
  const newest = segmentsOf(after).at(-1);
  const isTold = ({ writer, segment }: Place) => writers.has(writer) && segment !== newest;
  return isLess && [...left].every(([line, place]) => counted.has(line) || isTold(place));
}

interface Place {
  readonly writer: string;
  readonly segment: string;
}

/** The writer of each accepted line, and where it lies. */
function acceptedIn(disk: SimDisk): Map<string, Place> {
  const accepted = new Map<string, Place>();
  for (const name of segmentsOf(disk)) {
    const visitor = {
      accepted: ({ seq, crc, writer }: Envelope) =>
        void accepted.set(`${seq} ${crc}`, { writer, segment: name }),
    };
    new SegmentScan(segmentSeq(name) as number, visitor).push(bytesOf(disk, name));
  }
  return accepted;
}

function segmentsOf(disk: SimDisk): string[] {
  return disk.list(LOG).filter((name) => segmentSeq(name) !== undefined);
}

function bytesOf(disk: SimDisk, name: string): Buffer {
  return readWhole(disk, `${LOG}/${name}`) ?? Buffer.alloc(0);
}

function remove(disk: SimDisk, name: string): void {
  disk.remove(`${LOG}/${name}`);
  disk.syncDirectory(LOG);
}

/** As an editor saves a file. */
function put(disk: SimDisk, name: string, bytes: Buffer): void {
  const temporary = `${LOG}/${name}.edited`;
  const file = disk.open(temporary, 'create');
  file.append([bytes]);
  file.syncNow();
  disk.rename(temporary, `${LOG}/${name}`);
  disk.syncDirectory(LOG);
}

/** The lines with a right checksum. */
function linesIn(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  for (let start = 0; ; ) {
    const end = bytes.indexOf(10, start);
    if (end < 0) return lines;
    if (readEnvelope(bytes, start, end) !== undefined)
      lines.push({ start, end, text: bytes.toString('latin1', start, end) });
    start = end + 1;
  }
}

function lostWith(before: readonly Line[], now: Buffer): Pick<Harm, 'entries' | 'seqs'> {
  const whole = new Set(linesIn(now).map(({ text }) => text));
  const entries = new Set<string>();
  const seqs = new Set<number>();
  for (const { text } of before) {
    if (whole.has(text)) continue;
    const line = JSON.parse(text);
    const ids: string[] = (line.entries ?? [line]).map(({ id }: { id: string }) => id);
    for (const [i, id] of ids.entries()) {
      entries.add(`${id} ${line.seq + i}`);
      seqs.add(line.seq + i);
    }
  }
  return { entries, seqs };
}
