import { WalError } from '../errors/errors.ts';
import { canonicalOfParsed } from './canonical.ts';
import type { Head } from './chain.ts';
import { crcOf } from './crc.ts';
import { type FoldIdentity, isFoldIdentity } from './fold-identity.ts';
import { stringify } from './json.ts';
import { isKeyScope, type KeyScope } from './key-scope.ts';
import { COVERED_OFFSET, LINE_START } from './line.ts';
import type { Placed } from './order.ts';

/** The first line of a snapshot: what it stands for, and what to check the rest by. */
export interface SnapshotHeader {
  /** The log's id. */
  readonly log: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** The log's head there: the last entry folded into it, and the crc of the line that holds that. */
  readonly head: Head;
  /** The latest `ts` of the entries up to there, but for the log's own, in milliseconds since the epoch. */
  readonly latest: number;
  /** The crc of the seal after that line: what goes on after it follows the seal. */
  readonly seal: string;
  readonly fold: FoldIdentity;
  /** Which idempotency keys are looked for after it. */
  readonly keys: KeyScope;
  /** What follows the first line: how long it is, and what it holds. */
  readonly body: SnapshotBody;
}

export interface SnapshotBody {
  readonly bytes: number;
  /** Lines of state, one an id, by id; they come first. */
  readonly ids: number;
  /** Lines of the fold's order, then; undefined where it has none. */
  readonly ordered?: number | undefined;
  /** Idempotency keys that are still in the window, in lines that hold many, then. */
  readonly keys: number;
  /**
   * At the end, a line for each block of the lines before, with the crc of that, so that a part can be found, read and checked
   * by itself: the crc of them all, and the bytes of those for each kind of lines.
   */
  readonly index: {
    readonly crc: string;
    readonly ids: number;
    readonly order: number;
    readonly keys: number;
  };
}

/** The state of one id. */
export interface SnapshotItem {
  readonly id: string;
  /** Seq of the last record that touched it. */
  readonly rev: number;
  /** That record's time. */
  readonly ts: number;
  /** How many records touched it. */
  readonly version: number;
  /** The value, as JSON. */
  readonly json: string;
}

const SNAPSHOT_VERSION = 1;
/** A header is short; whatever is longer is none. */
export const MAX_HEADER_BYTES = 4096;

/** The first line, newline and all. */
export function encodeHeader(header: SnapshotHeader): string {
  const covered = canonicalOfParsed({ ...header, snapshot: SNAPSHOT_VERSION }).slice(1);
  return `${LINE_START}${crcOf(Buffer.from(covered))}",${covered}\n`;
}

/** Reads a first line (without its newline); undefined where it is damaged. Throws ERR_WAL_VERSION where it is of a later format. */
export function decodeHeader(line: Buffer, path: string): SnapshotHeader | undefined {
  if (line.length <= COVERED_OFFSET) return undefined;
  const covered = line.subarray(COVERED_OFFSET);
  if (line.toString('latin1', 0, COVERED_OFFSET) !== `${LINE_START}${crcOf(covered)}",`) return undefined;
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
  const { snapshot, crc: _, ...header } = fields;
  if (snapshot !== SNAPSHOT_VERSION) {
    throw new WalError(
      'ERR_WAL_VERSION',
      `${path} says snapshot version ${snapshot}, this package reads ${SNAPSHOT_VERSION}: a newer jsonl-wal made it; upgrade this one.`,
    );
  }
  return isHeader(header) ? header : undefined;
}

const CRC = /^[0-9a-f]{8}$/;

/** Whether it has all fields, and sizes that can be: whatever wrote another is not this package, and sizes are read by. */
function isHeader(value: Partial<Record<keyof SnapshotHeader, unknown>>): value is SnapshotHeader {
  const { log, created, head, latest, seal, fold, keys: scope, body } = value as Partial<SnapshotHeader>;
  if (typeof log !== 'string' || ![created, latest].every(Number.isSafeInteger)) return false;
  if (!isSize(head?.seq) || !isCrc(head?.crc) || !isCrc(seal)) return false;
  if (!isFoldIdentity(fold) || !isKeyScope(scope)) return false;
  if (!isSize(body?.bytes) || !isSize(body?.ids) || !isSize(body?.keys)) return false;
  if (body?.ordered !== undefined && !isSize(body.ordered)) return false;
  const { crc, ids, order, keys } = body?.index ?? {};
  if (!isCrc(crc) || !isSize(ids) || !isSize(order) || !isSize(keys)) return false;
  return ids + order + keys <= body.bytes;
}

/** Whether it can be a number of bytes, or of what has a number. */
export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCrc(value: unknown): boolean {
  return typeof value === 'string' && CRC.test(value);
}

/** A line of state, newline and all. The id comes first, so that it can be found without parsing the rest. */
export function encodeItem({ id, rev, ts, version, json }: SnapshotItem): string {
  return `{"id":${stringify(id)},"rev":${rev},"ts":${ts},"value":${json},"version":${version}}\n`;
}

/** A line of the fold's order, newline and all. */
export function encodePlaced({ id, order }: Placed): string {
  return `{"id":${stringify(id)},"order":${stringify(order)}}\n`;
}
