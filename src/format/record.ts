import { type BatchEntry, COVERED_OFFSET, type Envelope } from './line.ts';

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
  /** The crc of the line it follows: of the last record's, or of the seal after that, which no record stands for. */
  readonly prev: string;
}

interface ParsedEntry extends BatchEntry {
  readonly key?: string;
}

/**
 * The records of an accepted line. Throws SyntaxError where its data is not one JSON value, or its id, key or op is no JSON string
 * (a foreign writer).
 */
export function recordsOf(line: Envelope, bytes: Buffer, start: number, end: number): LogRecord[] {
  const { entries, key } = line;
  if (entries === undefined) return [singleRecord(line, bytes, start, end)];
  return entries.map((entry, i) => recordOf(entry, line, line.seq + i, key));
}

/** The record of an accepted line that is no batch. Throws as `recordsOf` does. */
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
 * The records of a line, of which `body` are the fields from `data` to `op`, where its first entry has the number `seq`, which
 * need not be the one that the line gives it. Throws as `recordsOf` does.
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

/** In an array: there a text of more than one value, or of one and another field, cannot pass for the data. */
function parsedSingle(data: string | undefined, names: string): ParsedEntry {
  if (data === undefined) return JSON.parse(`{${names}}`) as ParsedEntry;
  const parsed = JSON.parse(`[${data},{${names}}]`) as readonly [unknown, ParsedEntry];
  if (parsed.length !== 2) throw new SyntaxError('the data is more than one JSON value');
  // Parsed a moment ago, and nobody else's.
  (parsed[1] as Mutable<ParsedEntry>).data = parsed[0];
  return parsed[1];
}

function recordOf(
  entry: BatchEntry,
  line: Pick<Envelope, 'ts' | 'writer' | 'crc' | 'prev'>,
  seq: number,
  key: string | undefined,
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
  if (key !== undefined) record.key = key;
  return record;
}

/** A record of the same values, of which nothing is another's. However deep its data is: foreign lines have no limit. */
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
