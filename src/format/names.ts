import { crcOf } from './crc.ts';

export const META_FILE = 'wal.json';
export const LOCK_FILE = 'wal.lock';
/** Exists while a salvage runs, and keeps other salvages out. */
export const REPAIR_LOCK_FILE = 'wal.lock.repair';
export const FAILED_SYNC_FILE = 'wal.failed-sync';
/** Names the last entry that was acknowledged on this machine. */
export const MARK_FILE = 'wal.mark';
/** The acknowledged entries that were found missing on this machine, until the user has them forgotten. */
export const REWOUND_FILE = 'wal.rewound';
/** Exists while a salvaged log replaces the damaged one. */
export const REPAIRING_FILE = 'wal.repairing.tmp';
/** The directory, inside a log's, for copies of the log. */
export const BACKUPS_DIRECTORY = 'backups';

const SNAPSHOT = /^snapshot-([0-9]{20})\.jsonl$/;
const SEGMENT = /^([0-9]{20})\.jsonl$/;

/** File name of the segment whose first entry has that seq. */
export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(20, '0')}.jsonl`;
}

/** The first seq in a segment's file name, or undefined if the name is not a segment's. */
export function segmentSeq(name: string): number | undefined {
  return seqIn(SEGMENT, name);
}

/** File name of the snapshot that covers all entries up to that seq. */
export function snapshotName(seq: number): string {
  return `snapshot-${segmentName(seq)}`;
}

/** The seq in a snapshot's file name, or undefined if the name is not a snapshot's. */
export function snapshotSeq(name: string): number | undefined {
  return seqIn(SNAPSHOT, name);
}

function seqIn(pattern: RegExp, name: string): number | undefined {
  const digits = pattern.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const seq = Number(digits);
  return Number.isSafeInteger(seq) && seq > 0 ? seq : undefined;
}

/** The process that makes a file, and its machine. */
export interface FileMaker {
  readonly host: string;
  readonly pid: number;
}

const hostTag = (host: string) => crcOf(Buffer.from(host));

/**
 * The name of a file while it is made. `token` is random. The name contains the maker, so that others can tell the file
 * from one that a crash left.
 */
export function temporaryName(path: string, { host, pid }: FileMaker, token: string): string {
  return `${path}.${hostTag(host)}-${pid}.${token}.tmp`;
}

const TEMPORARY = /\.([0-9a-f]{8})-([0-9]+)\.[0-9a-f]+\.tmp$/;

/** Whether a name is that of a file being made. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Whether the process that makes a file of that name may be alive: it is on another machine, or on `host` and not gone.
 */
export function mayBeInTheMaking(name: string, host: string, isGone: (pid: number) => boolean): boolean {
  const [, tag, pid] = TEMPORARY.exec(name) ?? [];
  return tag !== undefined && (tag !== hostTag(host) || !isGone(Number(pid)));
}
