import { crc32 } from './crc.ts';

/*
 * The content of a line with an idempotency key is the text of its entries, separated by commas. Of each entry it is an
 * object of the entry's data, id and op, as their text is in the line. Neither the key nor any `ts` is content.
 *
 * An append whose key is in the log is answered with the entry that has the key only if both contents have the same
 * checksum.
 */

/** The checksum of the content of these entries, each given as the JSON of an object without key and ts. */
export function sumOfEntries(entries: readonly string[]): number {
  return entries.reduce((sum, entry, i) => crc32(i === 0 ? entry : `,${entry}`, sum), 0);
}

/**
 * The checksum of a single's content. Its body is `bytes[start, end)`; the field of its key, with the comma, is
 * `bytes[keyAt, opAt)`.
 */
export function sumOfSingle(bytes: Buffer, start: number, keyAt: number, opAt: number, end: number): number {
  const beforeKey = crc32(bytes.subarray(start, keyAt), crc32('{'));
  return crc32('}', crc32(bytes.subarray(opAt, end), beforeKey));
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const LONGEST_TS = ',"ts":-9007199254740991'.length;
const TS_AT_END = /,"ts":(?:0|-?[1-9][0-9]{0,15})$/;

/** The checksum of a batch's content. Its list, which is known to be JSON, begins after its bracket, at `listAt`. */
export function sumOfBatch(bytes: Buffer, listAt: number): number {
  let sum = 0;
  let from = listAt;
  let depth = 0;
  for (let at = listAt; ; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE_LIST && depth === 0) return crc32(bytes.subarray(from, at), sum);
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && --depth === 0) {
      sum = crc32(bytes.subarray(from, at - tsLengthBefore(bytes, at)), sum);
      from = at;
    }
  }
}

function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** The length of the `ts` field, with its comma, at the end of an entry; 0 if the entry has none of its own. */
function tsLengthBefore(bytes: Buffer, end: number): number {
  const last = bytes.toString('latin1', end - LONGEST_TS, end);
  return TS_AT_END.exec(last)?.[0].length ?? 0;
}
