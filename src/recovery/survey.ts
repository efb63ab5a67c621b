import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { readEdited } from '../format/edited.ts';
import { type Envelope, MAX_LINE_BYTES } from '../format/line.ts';
import { lineageOf } from '../format/lineage.ts';
import { segmentName } from '../format/names.ts';
import { leftBehind } from '../format/passed-over.ts';
import { readEnvelope } from '../format/read-line.ts';
import { type ScanVisitor, SegmentScan } from '../format/scan.ts';
import { piecesIn } from '../format/shared-line.ts';
import {
  type EditedLine,
  inLogOrder,
  isInvalid,
  type Survey,
  type SurveyedInvalidLine,
  type SurveyedLine,
} from '../format/survey.ts';
import { type InvalidLine, judgeInvalidLine, TORN, type Verdict } from '../format/verdict.ts';
import { type Encoding, encodingOf, rewritten, toUtf8, trimmed, unitNewline } from '../format/within.ts';
import { layoutOf } from '../layout/layout.ts';
import { openIfThere, readFully } from '../storage/files.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';

type Item = SurveyedLine | SurveyedInvalidLine;

/** Bytes read between two turns of the event loop. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = Buffer.from('\n');
const UTF_16: InvalidLine = { verdict: 'damaged', cause: 'utf-16' };

/**
 * Reads all segments of a directory to their ends. It needs no wal.json, and segments need not follow one another.
 * `acceptEdits`: take lines that were edited by hand as lines, with the edited content.
 */
export async function surveySegments(
  storage: Storage,
  clock: Clock,
  directory: string,
  onProgress?: (bytes: number) => void,
  acceptEdits = false,
): Promise<Survey> {
  const segments: { readonly named: number; readonly begins: number; readonly items: readonly Item[] }[] = [];
  const sides = new Sides();
  const edits = new Map<SurveyedInvalidLine, SurveyedLine & { readonly text: string }>();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let bytes = 0;
  for (const firstSeq of layoutOf(storage, directory).segments) {
    const file = openIfThere(storage, join(directory, segmentName(firstSeq)), 'read');
    // A compaction deleted the segment since it was listed.
    if (file === undefined) continue;
    try {
      sides.leave();
      const survey = new SegmentSurvey(firstSeq, file, sides, edits);
      for (let position = 0; ; ) {
        let count = file.read(chunk, position);
        if (count === 0) break;
        // Zeros may be a page that has not arrived yet, of a line that is whole when it is read again.
        if (chunk.subarray(0, count).includes(0)) count = file.read(chunk, position);
        survey.push(chunk.subarray(0, count));
        position += count;
        bytes += count;
        onProgress?.(bytes);
        await clock.yield();
      }
      survey.end();
      // File names may have been changed, so the number in the line decides.
      const lines = survey.items.filter((item) => !isInvalid(item)) as SurveyedLine[];
      const first = lines.find(({ accepted }) => accepted) ?? lines[0];
      segments.push({ named: firstSeq, begins: first?.seq ?? firstSeq, items: survey.items });
    } finally {
      file.close();
    }
  }
  const named = segments.map(({ named }) => named);
  const found = segments.sort((a, b) => a.begins - b.begins).flatMap(({ items }) => items);
  const fitting = editsThatFit(found, edits);
  const items = acceptEdits ? found.map((item) => (isInvalid(item) && fitting.get(item)) || item) : found;
  const lines = items.filter((item) => !isInvalid(item)) as SurveyedLine[];
  const { kept, follows } = lineageOf(lines);
  for (const [i, line] of lines.entries()) {
    line.kept = kept[i] === true;
    line.follows = lines[follows[i] ?? -1];
  }
  for (const line of leftBehind(items)) line.kept = false;
  const edited = [...fitting].map(([invalidLine, line]) => editOf(invalidLine, line));
  return { items: inLogOrder(items), edits: edited, segments: named, bytes };
}

/** `ts`, or that of the line before if `ts` is not a date. */
function wholeTs(ts: number, before: readonly Item[]): number {
  if (!Number.isNaN(ts)) return ts;
  return (before.findLast((item) => !isInvalid(item)) as SurveyedLine | undefined)?.ts ?? 0;
}

/** Collects all lines of one segment. */
class SegmentSurvey implements ScanVisitor {
  readonly items: Item[] = [];
  readonly #segment: string;
  readonly #file: StorageFile;
  readonly #sides: Sides;
  readonly #edits: Map<SurveyedInvalidLine, SurveyedLine & { readonly text: string }>;
  /** The bytes before this offset are UTF-16, and were read as such. */
  #from = 0;
  readonly #scan: SegmentScan;
  /** Number of lines of UTF-16. */
  #units = 0;
  /** The lines read so far of an object that is spread over several lines, and the index in `items` of its first. */
  #spread:
    | { readonly offset: number; readonly items: number; readonly parts: Buffer[]; bytes: number }
    | undefined;

  constructor(
    firstSeq: number,
    file: StorageFile,
    sides: Sides,
    edits: Map<SurveyedInvalidLine, SurveyedLine & { readonly text: string }>,
  ) {
    this.#segment = segmentName(firstSeq);
    this.#scan = new SegmentScan(firstSeq, this);
    this.#file = file;
    this.#sides = sides;
    this.#edits = edits;
    const encoding = encodingOf(this.#read(0, 4));
    if (encoding === 'utf-8') return;
    this.#from = Infinity;
    this.#from = this.#readUnits(encoding);
  }

  push(bytes: Buffer): void {
    this.#scan.push(bytes);
  }

  /**
   * Handles a last line without a newline. It may be otherwise whole, whole apart from what is around it, or several
   * lines that lack their newlines.
   */
  end(): void {
    const { unended, wrapped, end, unterminated } = this.#scan;
    if (unended !== undefined || wrapped !== undefined) this.#scan.push(NEWLINE);
    else if (unterminated > 0 && end > this.#from) this.invalidLine(TORN, end - unterminated, unterminated);
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readFully(this.#file, bytes, offset));
  }

  /**
   * Reads the lines of UTF-16, and returns where they end. What was appended since, in UTF-8, comes after the last
   * newline of UTF-16.
   */
  #readUnits(encoding: Exclude<Encoding, 'utf-8'>): number {
    const bytes = this.#read(0, this.#file.size());
    let start = 0;
    for (;;) {
      const newline = unitNewline(bytes, start, encoding);
      if (newline < 0) break;
      this.#units++;
      this.#lookInto(bytes.subarray(start, newline), start, encoding, UTF_16);
      start = newline + 2;
    }
    const rest = bytes.subarray(start);
    const line = trimmed(toUtf8(rest, encoding));
    if (readEnvelope(line, 0, line.length) === undefined) return start;
    this.#units++;
    this.#lookInto(rest, start, encoding, UTF_16);
    return bytes.length;
  }

  accepted(line: Envelope, _bytes: Buffer, start: number, end: number, offset: number): void {
    this.#found(line, offset, end - start, true);
  }

  passedOver(_verdict: Verdict, line: Envelope, offset: number, length: number): void {
    this.#found(line, offset, length, false);
  }

  invalidLine(invalidLine: InvalidLine, offset: number, length: number): void {
    if (offset < this.#from) return;
    if (invalidLine.cause === 'too-long') this.#invalidLine(invalidLine, offset, length);
    else this.#lookInto(this.#read(offset, length), offset, 'utf-8', invalidLine);
  }

  /**
   * Looks into a line that is not crc-valid: for whole lines in it, and, if it is damaged, for the line inside what was
   * put around it.
   */
  #lookInto(raw: Buffer, offset: number, encoding: Encoding, seen: InvalidLine): void {
    const { length } = raw;
    const inner = seen.cause === undefined ? raw : trimmed(toUtf8(raw, encoding));
    const form = { encoding, converted: inner.length === length ? undefined : seen.cause };
    const line = readEnvelope(inner, 0, inner.length);
    if (line !== undefined) {
      this.#found(line, offset, length, false, form);
      return;
    }
    // White space holds no entries, so it counts as torn and not as damaged.
    const invalidLine =
      seen.cause === undefined ? seen : inner.length === 0 ? TORN : judgeInvalidLine(inner, 0, inner.length);
    if (invalidLine.readable !== undefined) {
      const ts = wholeTs(invalidLine.readable.ts, this.items);
      this.#found({ ...invalidLine.readable, ts }, offset, length, false, form);
      return;
    }
    const written =
      invalidLine.cause === undefined || inner[0] !== OPENING_BRACE ? undefined : rewritten(inner);
    const same = written && readEnvelope(written, 0, written.length);
    if (same !== undefined) {
      this.#found(same, offset, length, false, { encoding, converted: invalidLine.cause });
      return;
    }
    if (invalidLine.cause === 'merge-conflict') this.#sides.meet(inner.toString('latin1', 0, 1));
    const noted = this.#invalidLine(invalidLine, offset, length, raw.includes(0));
    if (encoding === 'utf-8' && this.#isSpread(raw, inner, offset)) return;
    if (encoding === 'utf-8') {
      const start = offset + inner.byteOffset - raw.byteOffset;
      let end: number | undefined;
      for (const { line: piece, at, length: bytes } of piecesIn(inner)) {
        const joined = end !== undefined && !isZeros(inner.subarray(end, at));
        this.#found(piece, start + at, bytes, false, { glued: true, joined });
        end = at + bytes;
      }
    } else if (invalidLine.evidence !== undefined)
      this.#found(invalidLine.evidence, offset, length, false, { ...form, glued: true });
    const edit = written && readEdited(inner);
    if (edit === undefined) return;
    const text = inner.toString('utf8', 0, 4 * MOST_SHOWN).slice(0, MOST_SHOWN);
    this.#edits.set(noted, {
      ...this.#line(edit.line, offset, length, false, { encoding, edited: true }),
      text,
    });
  }

  /** Whether this line ends an object that a formatter spread over several lines, and that is a line of the log. */
  #isSpread(raw: Buffer, inner: Buffer, offset: number): boolean {
    if (raw[0] === OPENING_BRACE && inner.length === 1)
      this.#spread = { offset, items: this.items.length - 1, parts: [], bytes: 0 };
    const spread = this.#spread;
    if (spread === undefined) return false;
    spread.parts.push(inner);
    spread.bytes += inner.length;
    const isEnd = raw[0] === CLOSING_BRACE;
    if (isEnd || spread.bytes > MAX_LINE_BYTES) this.#spread = undefined;
    const written = isEnd ? rewritten(Buffer.concat(spread.parts)) : undefined;
    const line = written && readEnvelope(written, 0, written.length);
    if (line === undefined) return false;
    // The lines of the object are that line, so they are not listed as damage beside it.
    this.items.length = spread.items;
    const length = offset + raw.length - spread.offset;
    this.#found(line, spread.offset, length, false, { converted: 'not-a-record' });
    return true;
  }

  #invalidLine(
    { verdict, cause }: InvalidLine,
    offset: number,
    length: number,
    zeros = false,
  ): SurveyedInvalidLine {
    const noted: SurveyedInvalidLine = {
      verdict,
      ...(cause && { cause }),
      ...(zeros && verdict === 'torn' && { zeros }),
      segment: this.#segment,
      offset,
      length,
      line: offset < this.#from ? this.#units : (this.#scan.lineNumber as number),
    };
    this.items.push(noted);
    return noted;
  }

  #found(line: Envelope, offset: number, length: number, accepted: boolean, more: Found = {}): void {
    this.items.push(this.#line(line, offset, length, accepted, more));
  }

  #line(
    { seq, count, crc, prev, writer, synced, ts }: Envelope,
    offset: number,
    length: number,
    accepted: boolean,
    { glued = false, joined = false, converted = undefined, encoding = 'utf-8', edited = false }: Found,
  ): SurveyedLine {
    const segment = this.#segment;
    const side = this.#sides.now;
    // Written out, because one is made for each line of the log.
    return {
      seq,
      count,
      crc,
      prev,
      writer,
      synced,
      ts,
      segment,
      offset,
      length,
      glued,
      joined,
      converted,
      encoding,
      edited,
      accepted,
      side,
      kept: false,
      follows: undefined,
    };
  }
}

type Found = Partial<Pick<SurveyedLine, 'glued' | 'joined' | 'converted' | 'encoding' | 'edited'>>;

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
/** Characters of an edited line that are reported. */
const MOST_SHOWN = 10_000;

/**
 * The edited lines that are in the place of a line that was there: by their numbers and checksums, they follow a line,
 * or a line follows them.
 */
function editsThatFit(
  found: readonly Item[],
  edits: ReadonlyMap<SurveyedInvalidLine, SurveyedLine & { readonly text: string }>,
): Map<SurveyedInvalidLine, SurveyedLine & { readonly text: string }> {
  if (edits.size === 0) return new Map();
  const lines = [...found.filter((item) => !isInvalid(item)), ...edits.values()] as SurveyedLine[];
  const starts = new Set(lines.map(({ seq, prev }) => `${seq} ${prev}`));
  const ends = new Set(lines.map(({ seq, count, crc }) => `${seq + count} ${crc}`));
  const prevs = new Set(lines.map(({ prev }) => prev));
  return new Map(
    [...edits].filter(([, { seq, count, crc, prev }]) => {
      const isFollowed = starts.has(`${seq + count} ${crc}`);
      return isFollowed || (ends.has(`${seq} ${prev}`) && !prevs.has(crc));
    }),
  );
}

function editOf(
  { segment, offset, line }: SurveyedInvalidLine,
  { seq, count, text }: SurveyedLine & { text: string },
): EditedLine {
  return { from: seq, to: seq + count - 1, segment, offset, line, text };
}

/** Numbers the sides of merge conflicts, which git separates by its markers. */
class Sides {
  #last = 0;
  now = 0;

  leave(): void {
    this.now = 0;
  }

  meet(marker: string): void {
    this.now = marker === '>' ? 0 : ++this.#last;
  }
}

function isZeros(bytes: Buffer): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte === 0);
}
