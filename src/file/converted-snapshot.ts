import { join } from 'node:path';
import { crcOf } from '../format/crc.ts';
import { cutLines } from '../format/cut-lines.ts';
import { snapshotName } from '../format/names.ts';
import { decodeHeader } from '../format/snapshot.ts';
import { encodingOf, toUtf8, trimmed } from '../format/within.ts';
import { readWhole } from '../storage/files.ts';
import type { Storage } from '../storage/storage.ts';
import type { MendedSnapshot } from './mend-snapshot.ts';

const NEWLINE = Buffer.from('\n');

/** A snapshot that is whole but for what an editor, a checkout or a copy did to all of its lines; undefined where it is not. */
export function convertedSnapshot(
  storage: Storage,
  directory: string,
  seq: number,
): MendedSnapshot | undefined {
  const path = join(directory, snapshotName(seq));
  const bytes = readWhole(storage, path) ?? Buffer.alloc(0);
  const [first = NEWLINE, ...rest] = cutLines(toUtf8(bytes, encodingOf(bytes))).map(withoutNewline);
  const header = decodeHeader(first, path);
  if (header?.head.seq !== seq) return undefined;
  const body = Buffer.concat(rest.flatMap((line) => [line, NEWLINE]));
  const isWhole = body.length === header.body.bytes && crcOf(body) === header.body.crc;
  return isWhole ? { header, body: [body], lost: 0 } : undefined;
}

function withoutNewline(line: Buffer): Buffer {
  return trimmed(line.at(-1) === NEWLINE[0] ? line.subarray(0, -1) : line);
}
