import { join } from 'node:path';
import { canonicalOfParsed } from '../format/canonical.ts';
import { cutLines } from '../format/cut-lines.ts';
import { snapshotName } from '../format/names.ts';
import { decodeHeader } from '../format/snapshot.ts';
import { allBlocks, indexPlace, isWhole } from '../format/snapshot-index.ts';
import { encodingOf, rewritten, toUtf8, trimmed } from '../format/within.ts';
import { readWhole } from '../storage/files.ts';
import type { Storage } from '../storage/storage.ts';
import type { RepairedSnapshot } from './repair-snapshot.ts';

const NEWLINE = Buffer.from('\n');

/**
 * Returns a snapshot that is whole except for what an editor, a checkout or a copy did to all of its lines; undefined
 * if more is wrong with it.
 */
export function convertedSnapshot(
  storage: Storage,
  directory: string,
  seq: number,
): RepairedSnapshot | undefined {
  const path = join(directory, snapshotName(seq));
  const bytes = readWhole(storage, path) ?? Buffer.alloc(0);
  const text = toUtf8(bytes, encodingOf(bytes)).toString('latin1');
  // JSON contains no carriage return: each one ends a line, or is part of a line end.
  const lines = cutLines(Buffer.from(text.replaceAll('\r', '\n'), 'latin1'));
  const there = lines.map(withoutNewline).filter(({ length }) => length > 0);
  return snapshotOf(there, path, seq) ?? snapshotOf(objectsIn(lines).map(asWritten), path, seq);
}

/** The lines, with those of an object that a formatter spread over several lines joined. */
function objectsIn(lines: readonly Buffer[]): Buffer[] {
  const objects: Buffer[][] = [];
  let isOpen = false;
  for (const line of lines) {
    const text = withoutNewline(line);
    if (isOpen) objects.at(-1)?.push(text);
    else if (text.length > 0) objects.push([text]);
    // Lines inside an object are indented, so an unindented brace begins or ends one.
    if (line[0] === OPENING_BRACE && text.length === 1) isOpen = true;
    else if (line[0] === CLOSING_BRACE) isOpen = false;
  }
  return objects.map((parts) => Buffer.concat(parts));
}

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

function snapshotOf(
  [first = NEWLINE, ...rest]: readonly Buffer[],
  path: string,
  seq: number,
): RepairedSnapshot | undefined {
  const header = decodeHeader(first, path);
  if (header?.head.seq !== seq) return undefined;
  const body = Buffer.concat(rest.flatMap((line) => [line, NEWLINE]));
  if (body.length !== header.body.bytes) return undefined;
  const blocks = allBlocks(header.body, body.subarray(indexPlace(header.body).at));
  const areWhole = blocks?.every((block) => isWhole(block, body.subarray(block.at, block.at + block.bytes)));
  return areWhole ? { header, body: [body], lost: 0 } : undefined;
}

/**
 * A line whose JSON a script or a formatter wrote in another way, written again as it was. The names in a line of the
 * index have an order of their own.
 */
function asWritten(line: Buffer, number: number): Buffer {
  if (number === 0) return rewritten(line) ?? line;
  try {
    const value = JSON.parse(line.toString());
    return Buffer.from(value.at === undefined ? canonicalOfParsed(value) : JSON.stringify(value));
  } catch {
    return line;
  }
}

function withoutNewline(line: Buffer): Buffer {
  return trimmed(line.at(-1) === NEWLINE[0] ? line.subarray(0, -1) : line);
}
