import { canonicalOfParsed } from './canonical.ts';
import { ENVELOPE_BYTES, type Envelope, GENESIS_CRC, RESERVED_OP_PREFIX } from './line.ts';
import { readEnvelope } from './read-line.ts';
import { writeLine } from './write-line.ts';

/** A line that was edited by hand: its envelope, with the crc that it claims, and its fields from `data` to `op`. */
export interface Edited {
  readonly line: Envelope;
  readonly body: string;
}

const CRC = /^[0-9a-f]{8}$/;

/**
 * Reads a line whose checksum is wrong. Returns undefined unless it is JSON with all fields of a line and no others.
 */
export function readEdited(bytes: Buffer): Edited | undefined {
  try {
    const { crc, prev, seq, synced, ts, writer, ...fields } = JSON.parse(bytes.toString('utf8'));
    if (typeof crc !== 'string' || !CRC.test(crc) || !isBody(fields)) return undefined;
    if (![seq, synced, ts].every(Number.isSafeInteger)) return undefined;
    const body = canonicalOfParsed(fields).slice(1, -1);
    const made = Buffer.allocUnsafe(
      Buffer.byteLength(body) + ENVELOPE_BYTES + String(prev).length + String(writer).length,
    );
    const end = writeLine(made, 0, body, { prev, seq, synced, ts, writer, crc: GENESIS_CRC });
    const line = readEnvelope(made, 0, end - 1);
    return line && { line: { ...line, crc }, body };
  } catch {
    return undefined;
  }
}

function isBody(fields: Record<string, unknown>): boolean {
  const { data: _data, key, op, id, entries, ...others } = fields;
  if (Object.keys(others).length > 0) return false;
  if (key !== undefined && typeof key !== 'string') return false;
  if (entries === undefined) return isEntry({ op, id });
  return 'data' in fields || op !== undefined || id !== undefined
    ? false
    : Array.isArray(entries) && entries.length > 0 && entries.every(isEntry);
}

/** The log's own ops are refused: only the log writes those. */
function isEntry(entry: unknown): boolean {
  const { op, id } = (entry ?? {}) as { op?: unknown; id?: unknown };
  return typeof op === 'string' && typeof id === 'string' && !op.startsWith(RESERVED_OP_PREFIX);
}
