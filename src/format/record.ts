import { type BatchEntry, COVERED_OFFSET, type Envelope } from './line.ts';

/** One entry of the log. */
export interface LogRecord<T = unknown> {
  /** The entry's number: 1 for the first of a log, without gaps. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly ts: number;
  /** The caller's op; one that begins with `wal.` is the log's own. */
  readonly op: string;
  /** The caller's id. */
  readonly id: string;
  /** The caller's data; absent if the entry has none. */
  readonly data?: T;
  /** The caller's idempotency key; each record of a batch has the batch's key. */
  readonly key?: string;
  /**
   * The identity of the append: the writer's random name, a dot, and the number of this line among that writer's lines.
   */
  readonly writer: string;
  /** The crc of the record's line, 8 hex digits. With `seq` it is a cursor. */
  readonly crc: string;
  /**
   * The crc of the line that the record's line follows: the line of the last record, or the seal after it, which has no
   * record.
   */
  readonly prev: string;
}

interface ParsedEntry extends BatchEntry {
  readonly key?: string;
}

/**
 * The records of an accepted line. Throws SyntaxError if its data is not one JSON value, or its id, key or op is not a
 * JSON string (as another writer may have left it).
 */
export function recordsOf(line: Envelope, bytes: Buffer, start: number, end: number): LogRecord[] {
  const { entries, key } = line;
  if (entries === undefined) return [singleRecord(line, bytes, start, end)];
  return entries.map((entry, i) => recordOf(entry, line, line.seq + i, key));
}

/** The record of an accepted single line. Throws as `recordsOf` does. */
export function singleRecord(line: Envelope, bytes: Buffer, start: number, end: number): LogRecord {
  const { seq, ts, op, id, writer, crc, prev } = line;
  const dataEnd = start + line.idAt - 1;
  const hasData = line.idAt > DATA_OFFSET;
  if (id === undefined || op === undefined) {
    const data = hasData ? bytes.toString('utf8', start + DATA_OFFSET, dataEnd) : undefined;
    return recordOf(parsedSingle(data, bytes.toString('utf8', dataEnd + 1, end - 1)), line, seq, line.key);
  }
  const record: Mutable<LogRecord> = { seq, ts, op, id, writer, crc, prev };
  if (hasData) record.data = JSON.parse(line.data ?? bytes.toString('utf8', start + DATA_OFFSET, dataEnd));
  return record;
}

const DATA_OFFSET = COVERED_OFFSET + '"data":'.length;

/**
 * The records of a line whose fields from `data` to `op` are `body`, if its first entry has the number `seq`, which may
 * differ from the line's own. Throws as `recordsOf` does.
 */
export function recordsOfBody(
  body: string,
  line: Pick<Envelope, 'ts' | 'writer' | 'crc' | 'prev'>,
  seq: number,
): LogRecord[] {
  if (body.startsWith(BATCH_START)) {
    const { entries, key } = JSON.parse(`{${body}}`) as ParsedBatch;
    return entries.map((entry, i) => recordOf(entry, line, seq + i, key));
  }
  const [, data, names] = SINGLE.exec(body) ?? [undefined, undefined, body];
  const entry = parsedSingle(data, names as string);
  return [recordOf(entry, line, seq, entry.key)];
}

const BATCH_START = '"entries":[';
const SINGLE =
  /^"data":([\s\S]*),("id":"(?:[^"\\]|\\[\s\S])*"(?:,"key":"(?:[^"\\]|\\[\s\S])*")?,"op":"(?:[^"\\]|\\[\s\S])*")$/;

interface ParsedBatch {
  readonly entries: readonly BatchEntry[];
  readonly key?: string;
}

/**
 * Parses a single's fields inside an array, where a text of several values, or of a value and another field, cannot
 * pass for the data.
 */
function parsedSingle(data: string | undefined, names: string): ParsedEntry {
  if (data === undefined) return JSON.parse(`{${names}}`) as ParsedEntry;
  const parsed = JSON.parse(`[${data},{${names}}]`) as readonly [unknown, ParsedEntry];
  if (parsed.length !== 2) throw new SyntaxError('the data is more than one JSON value');
  // Nobody else has the object, which was parsed above.
  (parsed[1] as Mutable<ParsedEntry>).data = parsed[0];
  return parsed[1];
}

function recordOf(
  entry: BatchEntry,
  line: Pick<Envelope, 'ts' | 'writer' | 'crc' | 'prev'>,
  seq: number,
  key: string | undefined,
): LogRecord {
  // Built field by field: spreading costs more than parsing.
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
  if (key !== undefined) record.key = key;
  return record;
}

/** A deep copy of a record, at any depth: other writers' lines have no limit. */
export function copyOfRecord(record: LogRecord): LogRecord {
  const copy = { ...record };
  for (const open: object[] = [copy]; ; ) {
    const at = open.pop() as Record<string, unknown> | undefined;
    if (at === undefined) return copy;
    for (const name of Object.keys(at)) {
      const value = at[name];
      if (typeof value !== 'object' || value === null) continue;
      const inner = Array.isArray(value) ? value.slice() : { ...value };
      at[name] = inner;
      open.push(inner);
    }
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
