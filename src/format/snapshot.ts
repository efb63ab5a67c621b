import { WalError } from '../errors/errors.ts';
import { canonicalOfParsed } from './canonical.ts';
import type { Head } from './chain.ts';
import { crcOf } from './crc.ts';
import { type FoldIdentity, isFoldIdentity } from './fold-identity.ts';
import { stringify } from './json.ts';
import { isKeyScope, type KeyScope } from './key-scope.ts';
import { COVERED_OFFSET, LINE_START } from './line.ts';
import type { Placed } from './order.ts';

/** The first line of a snapshot: what the snapshot covers, and how to check the rest. */
export interface SnapshotHeader {
  /** The log's id. */
  readonly log: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** The head of the log at the snapshot: the last entry folded into it, and the crc of that entry's line. */
  readonly head: Head;
  /** The latest `ts` of the entries up to the head, without the log's own entries, in milliseconds since the epoch. */
  readonly latest: number;
  /** The crc of the seal after the head's line: the first line after the snapshot follows that seal. */
  readonly seal: string;
  readonly fold: FoldIdentity;
  /** The key scope after the snapshot. */
  readonly keys: KeyScope;
  /** The size and content of what follows the first line. */
  readonly body: SnapshotBody;
}

export interface SnapshotBody {
  readonly bytes: number;
  /** Lines of state, one for each id, sorted by id; they come first. */
  readonly ids: number;
  /** Lines of the fold's order, which come second; undefined if the fold has none. */
  readonly ordered?: number | undefined;
  /** Idempotency keys that are still in the window; their lines, each of many keys, come third. */
  readonly keys: number;
  /**
   * The index comes last. It has a line for each block of the lines before it, with the block's crc, so that each part
   * can be found, read and checked by itself. `crc` is that of the whole index; `ids`, `order` and `keys` are the bytes
   * of its lines for each kind of block.
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
  /** Seq of the id's last record that the fold did not ignore. */
  readonly rev: number;
  /** The `ts` of that record. */
  readonly ts: number;
  /** How many records the fold did not ignore since the id came into being. */
  readonly version: number;
  /** The value, as JSON. */
  readonly json: string;
}

const SNAPSHOT_VERSION = 1;
/** A longer first line is not a header. */
export const MAX_HEADER_BYTES = 4096;

/** The first line of a snapshot, with its newline. */
export function encodeHeader(header: SnapshotHeader): string {
  const covered = canonicalOfParsed({ ...header, snapshot: SNAPSHOT_VERSION }).slice(1);
  return `${LINE_START}${crcOf(Buffer.from(covered))}",${covered}\n`;
}

/**
 * Parses a first line, without its newline. Returns undefined if it is damaged. Throws ERR_WAL_VERSION if it is of a
 * later format.
 */
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

/**
 * Whether it has all fields, with possible sizes. Sizes decide what is read, and another writer may have made the line.
 */
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

/** Whether a value can be a number of bytes or items. */
export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCrc(value: unknown): boolean {
  return typeof value === 'string' && CRC.test(value);
}

/** A line of state, with its newline. The id comes first, so that it can be found without parsing the rest. */
export function encodeItem({ id, rev, ts, version, json }: SnapshotItem): string {
  return `{"id":${stringify(id)},"rev":${rev},"ts":${ts},"value":${json},"version":${version}}\n`;
}

/** A line of the fold's order, with its newline. */
export function encodePlaced({ id, order }: Placed): string {
  return `{"id":${stringify(id)},"order":${stringify(order)}}\n`;
}
