import { canonicalOfParsed } from './canonical.ts';
import type { Head } from './chain.ts';
import { crcOf } from './crc.ts';
import { COVERED_OFFSET, CRC_LENGTH, CRC_OFFSET, LINE_START } from './line.ts';

/** Entries that were acknowledged on this machine and are missing from its log. */
export interface Rewind {
  /** The first missing entry that is known of; nothing shows that earlier ones are missing. */
  readonly from: number;
  /** The last missing entry. */
  readonly to: number;
  /**
   * The head of the log when this was noticed. If its seq is at or past `to`, the log has other entries in place of the
   * missing ones.
   */
  readonly head: Head;
}

/** A rewind as wal.rewound keeps it. */
export interface NotedRewind extends Rewind {
  /** When it was noticed, in milliseconds since the epoch. */
  readonly ts: number;
}

/** The entries that are missing from a log whose head is `head` and which does not hold `mark`. */
export function rewindTo(head: Head, mark: Head): Rewind {
  return { from: Math.min(mark.seq, head.seq + 1), to: mark.seq, head };
}

/** The last entry that was acknowledged on a machine. */
export interface Mark extends Head {
  /**
   * Whether this entry or an earlier one was synced on this machine. If so, the log has a segment even after a power
   * cut.
   */
  readonly kept: boolean;
}

/** wal.mark is one line, padded with spaces to this size, so that one write replaces it. */
export const MARK_BYTES = 128;

/** The content of wal.mark. */
export function encodeMark(log: string, { seq, crc, kept }: Mark): Buffer {
  return Buffer.from(`${withCrc({ head: { crc, seq }, kept, log }).padEnd(MARK_BYTES - 1)}\n`);
}

/** Returns undefined if the bytes are not a mark, or are another log's. */
export function decodeMark(bytes: Buffer, log: string): Mark | undefined {
  const text = bytes.subarray(0, MARK_BYTES).toString('latin1');
  const value = checked(text) as { head?: Head; kept?: boolean; log?: string } | undefined;
  if (value?.log !== log || !isHead(value.head)) return undefined;
  return { ...value.head, kept: value.kept === true };
}

/** One line of wal.rewound. */
export function encodeRewind(log: string, { from, to, head: { seq, crc }, ts }: NotedRewind): Buffer {
  return Buffer.from(`${withCrc({ from, to, head: { crc, seq }, log, ts })}\n`);
}

/** The rewinds of that log in the text of wal.rewound; other lines are ignored. */
export function decodeRewinds(text: string, log: string): NotedRewind[] {
  return text.split('\n').flatMap((line) => {
    const value = checked(line) as (NotedRewind & { log: string }) | undefined;
    if (value?.log !== log || !isHead(value.head)) return [];
    const { from, to, head, ts } = value;
    return from <= to && [from, to, ts].every(Number.isSafeInteger) ? [{ from, to, head, ts }] : [];
  });
}

function isHead(value: Head | undefined): value is Head {
  const { seq = -1, crc } = value ?? {};
  return Number.isSafeInteger(seq) && seq >= 0 && /^[0-9a-f]{8}$/.test(`${crc}`);
}

/** JSON that begins with the crc of the rest, as a log's lines do. */
function withCrc(value: object): string {
  const covered = canonicalOfParsed(value).slice(1);
  return `${LINE_START}${crcOf(Buffer.from(covered))}",${covered}`;
}

function checked(line: string): unknown {
  const text = line.trimEnd();
  const crc = text.slice(CRC_OFFSET, CRC_OFFSET + CRC_LENGTH);
  if (!text.startsWith(LINE_START) || crcOf(Buffer.from(text.slice(COVERED_OFFSET))) !== crc)
    return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
