import { crcOf } from './crc.ts';

export const META_FILE = 'wal.json';
export const LOCK_FILE = 'wal.lock';
/** There while a salvage is under way: keeps others out. */
export const REPAIR_LOCK_FILE = 'wal.lock.repair';
export const FAILED_SYNC_FILE = 'wal.failed-sync';
/** The last entry that was acknowledged on this machine. */
export const MARK_FILE = 'wal.mark';
/** What was acknowledged on this machine and was found to be gone, until somebody says to forget it. */
export const REWOUND_FILE = 'wal.rewound';
/** There while a salvaged log takes the place of the damaged one. */
export const REPAIRING_FILE = 'wal.repairing.tmp';
/** The one directory inside a log's that is for copies of it. */
export const BACKUPS_DIRECTORY = 'backups';

const SNAPSHOT = /^snapshot-([0-9]{20})\.jsonl$/;
const SEGMENT = /^([0-9]{20})\.jsonl$/;

/** File name of the segment whose first entry has that seq. */
export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(20, '0')}.jsonl`;
}

/** The first seq that a segment's file name tells, or undefined where it names no segment. */
export function segmentSeq(name: string): number | undefined {
  return seqIn(SEGMENT, name);
}

/** File name of the snapshot that stands for all entries up to that seq. */
export function snapshotName(seq: number): string {
  return `snapshot-${segmentName(seq)}`;
}

/** The seq that a snapshot's file name tells, or undefined where it names no snapshot. */
export function snapshotSeq(name: string): number | undefined {
  return seqIn(SNAPSHOT, name);
}

function seqIn(pattern: RegExp, name: string): number | undefined {
  const digits = pattern.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const seq = Number(digits);
  return Number.isSafeInteger(seq) && seq > 0 ? seq : undefined;
}

/** A process of a machine, which makes a file. */
export interface FileMaker {
  readonly host: string;
  readonly pid: number;
}

const hostTag = (host: string) => crcOf(Buffer.from(host));

/** The name of a file while it is made; `token` is random. It tells who makes it, so that nobody takes it for left over. */
export function temporaryName(path: string, { host, pid }: FileMaker, token: string): string {
  return `${path}.${hostTag(host)}-${pid}.${token}.tmp`;
}

const TEMPORARY = /\.([0-9a-f]{8})-([0-9]+)\.[0-9a-f]+\.tmp$/;

/** Whether a name is one that something has while it is made. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Whether who makes a file of that name may live: a process of another machine, or one of `host` that is not gone. */
export function mayBeInTheMaking(name: string, host: string, isGone: (pid: number) => boolean): boolean {
  const [, tag, pid] = TEMPORARY.exec(name) ?? [];
  return tag !== undefined && (tag !== hostTag(host) || !isGone(Number(pid)));
}
