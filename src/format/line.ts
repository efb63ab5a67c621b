import { crc32 } from './crc.ts';
import type { FoldIdentity } from './fold-identity.ts';
import type { KeyScope } from './key-scope.ts';

export const NEWLINE = 0x0a;

/** The beginning of every line; the eight hex digits of the crc follow. */
export const LINE_START = '{"crc":"';

/** Offset of the crc's digits in a line. */
export const CRC_OFFSET = LINE_START.length;

export const CRC_LENGTH = 8;

/** Offset of the first byte that the crc covers: after `{"crc":"xxxxxxxx",`. */
export const COVERED_OFFSET = CRC_OFFSET + CRC_LENGTH + 2;

/** A longer line is damaged, whatever it contains. 2^28 bytes, so that any JSON parser can hold a line as a string. */
export const MAX_LINE_BYTES = 2 ** 28;

/** The `prev` of the first line of a log. */
export const GENESIS_CRC = '00000000';

/** An accepted line with this op settles the proofs of missing entries before it. */
export const REPAIR_OP = 'wal.repair';

/** Takes the place of a lost entry in a salvaged log, so that the entries after it keep their numbers. */
export const LOST_OP = 'wal.lost';

/** An accepted line with this op raises the window in which idempotency keys are looked for. */
export const KEYS_OP = 'wal.keys';

/** An accepted line with this op records which fold makes the log's state. */
export const FOLD_OP = 'wal.fold';

export const RESERVED_OP_PREFIX = 'wal.';

/** An entry in a batch's list. */
export interface BatchEntry {
  readonly op: string;
  readonly id: string;
  readonly data?: unknown;
  /** The entry's own `ts`, if it has one. */
  readonly ts?: number;
}

/**
 * The fields of a line, without its data. An envelope keeps alive the text or the entries that were read from its line.
 */
export interface Envelope {
  /** The line's crc, which was checked. */
  readonly crc: string;
  /** The crc of the line that it follows. */
  readonly prev: string;
  /** Number of its first entry; for a seal, of the next entry to come. */
  readonly seq: number;
  /** The number of its entries: 1, that of a batch, or 0 for a seal. */
  readonly count: number;
  /** True for an atomic batch or a seal, whose entries are in a list. */
  readonly batch: boolean;
  /** The highest seq that the line's writer knew to be synced. */
  readonly synced: number;
  readonly ts: number;
  readonly writer: string;
  readonly key: string | undefined;
  /** The checksum of its content if it has a key; else 0. */
  readonly sum: number;
  /** For a single, the offset of its `id` field in the line; its data ends before that. */
  readonly idAt: number;
  /**
   * Set for a single without a key whose id and op are printable ASCII without escapes; otherwise undefined, and they
   * are read from the line's bytes.
   */
  readonly id: string | undefined;
  readonly op: string | undefined;
  /**
   * The JSON text of the data of a single whose line is ASCII and whose `id` is set above; otherwise undefined, and the
   * data is read from the line's bytes.
   */
  readonly data: string | undefined;
  /** For a batch, its entries, which were parsed to count them. */
  readonly entries: readonly BatchEntry[] | undefined;
  /** Whether it is a single with the op `wal.repair`, which settles the proofs of missing entries before it. */
  readonly repair: boolean;
  /** The key window, if the line raises it. */
  readonly keyWindow: number | undefined;
  /** For a seal, the key scope after it, if it has one. */
  readonly keys: KeyScope | undefined;
  /** The fold, if the line records one; for a seal, the fold that the log had before it, if any. */
  readonly fold: FoldIdentity | undefined;
}

/** The fields that distinguish writes. */
type Written = Pick<Envelope, 'writer' | 'synced'>;

/**
 * Returns false if the lines are certainly of two writes: all lines of one write have the same writer name and
 * `synced`.
 */
export function isSameWrite(a: Written, b: Written): boolean {
  const session = ({ writer }: Written) => writer.slice(0, writer.indexOf('.'));
  return a.synced === b.synced && session(a) === session(b);
}

/** The most bytes of a line apart from its body. */
export const ENVELOPE_BYTES = COVERED_OFFSET + 160;

export const COMMA = 0x2c;

export const LINE_START_BYTES = Buffer.from(LINE_START);

const CRC_END_BYTES = Buffer.from('",');

/** Whether `bytes[start, end)` begin like a line and have the crc that they claim. */
export function crcIsRight(bytes: Buffer, start: number, end: number): boolean {
  return rightCrc(bytes, start, end) >= 0;
}

/** Whether the first bytes, up to a newline or `count`, are still exactly the line with that crc. */
export function isLineOf(bytes: Buffer, count: number, crc: string | undefined): boolean {
  const newline = bytes.indexOf(NEWLINE);
  const end = newline < 0 || newline > count ? count : newline;
  return (
    end > COVERED_OFFSET &&
    bytes.toString('latin1', 0, COVERED_OFFSET) === `${LINE_START}${crc}",` &&
    crc32(bytes.subarray(COVERED_OFFSET, end)) === Number.parseInt(crc as string, 16)
  );
}

/** The crc of a line if it is the one that the line claims; else -1. */
export function rightCrc(bytes: Buffer, start: number, end: number): number {
  const claimed = claimedCrc(bytes, start, end);
  return claimed >= 0 && claimed === crc32(bytes.subarray(start + COVERED_OFFSET, end)) ? claimed : -1;
}

/** The crc that the line's digits claim, as a number; -1 if the bytes do not begin like a line. */
export function claimedCrc(bytes: Buffer, start: number, end: number): number {
  if (end - start < COVERED_OFFSET || !holds(bytes, start + CRC_OFFSET + CRC_LENGTH, CRC_END_BYTES))
    return -1;
  if (!holds(bytes, start, LINE_START_BYTES)) return -1;
  let crc = 0;
  for (let at = start + CRC_OFFSET; at < start + CRC_OFFSET + CRC_LENGTH; at++) {
    const byte = bytes[at] as number;
    const digit =
      byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
    if (digit < 0) return -1;
    crc = crc * 16 + digit;
  }
  return crc;
}

/**
 * Whether `bytes` has `wanted` at `at`. This runs for every line, and comparing bytes is faster than making strings to
 * compare.
 */
export function holds(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
