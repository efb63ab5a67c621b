import type { Envelope } from './line.ts';

/** One entry as the log holds it. */
export interface LogRecord<T = unknown> {
  /** Its number: 1 for the first of a log, and no gaps. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly op: string;
  readonly id: string;
  readonly data?: T;
  /** The caller's idempotency key (a batch's stands on each of its records). */
  readonly key?: string;
  /** The writer's random name, a dot, and the number of this line among its lines: the identity of the append. */
  readonly writer: string;
  /** The crc of the record's line. With `seq` it is a cursor. */
  readonly crc: string;
  /** The crc of the line it follows. */
  readonly prev: string;
}

interface ParsedEntry {
  readonly op: string;
  readonly id: string;
  readonly data?: unknown;
  readonly ts?: number;
}

/** The records of an accepted line. Throws SyntaxError where its data is not JSON (a foreign writer). */
export function recordsOf(line: Envelope, bytes: Buffer, start: number, end: number): LogRecord[] {
  const parsed = JSON.parse(bytes.toString('utf8', start, end)) as ParsedEntry & { entries: ParsedEntry[] };
  if (!line.batch) return [recordOf(parsed, line, line.seq)];
  return parsed.entries.map((entry, i) => recordOf(entry, line, line.seq + i));
}

/**
 * The records of a line, of which `body` are the fields from `data` to `op`, where its first entry has the number `seq`, which
 * need not be the one that the line gives it.
 */
export function recordsOfBody(
  body: string,
  line: Pick<Envelope, 'ts' | 'writer' | 'crc' | 'prev'>,
  seq: number,
): LogRecord[] {
  const parsed = JSON.parse(`{${body}}`) as ParsedEntry & { entries: ParsedEntry[]; key?: string };
  const entries = body.startsWith(BATCH_START) ? parsed.entries : [parsed];
  return entries.map((entry, i) => recordOf(entry, { ...line, key: parsed.key }, seq + i));
}

const BATCH_START = '"entries":[';

function recordOf(
  entry: ParsedEntry,
  line: Pick<Envelope, 'ts' | 'writer' | 'crc' | 'prev' | 'key'>,
  seq: number,
): LogRecord {
  // Built field by field: spreading costs more than parsing does.
  const record: Mutable<LogRecord> = {
    seq,
    ts: entry.ts ?? line.ts,
    op: entry.op,
    id: entry.id,
    writer: line.writer,
    crc: line.crc,
    prev: line.prev,
  };
  if (entry.data !== undefined) record.data = entry.data;
  if (line.key !== undefined) record.key = line.key;
  return record;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
