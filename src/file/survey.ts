import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import type { DamageCause } from '../errors/damage.ts';
import type { Envelope } from '../format/line.ts';
import { type FoundLine, linesToKeep } from '../format/lineage.ts';
import { segmentName } from '../format/names.ts';
import { SegmentScan } from '../format/scan.ts';
import type { Misfit, Verdict } from '../format/verdict.ts';
import { readFully } from '../storage/files.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';
import { layoutOf } from './layout.ts';

/** A line, and where it lies. */
export interface SurveyedLine extends FoundLine {
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  readonly ts: number;
  /** Whether a fragment lies before it in its line. */
  readonly glued: boolean;
  /** Whether it holds entries that the rest of the log does not. */
  kept: boolean;
}

/** A line that is not crc-valid. */
export interface SurveyedMisfit {
  readonly verdict: Misfit['verdict'];
  readonly cause?: DamageCause;
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  /** Its number in the segment, from 1. */
  readonly line: number;
}

/** What lies in the segments of a directory, whatever became of them: all lines, in the order that their files begin in. */
export interface Survey {
  readonly items: readonly (SurveyedLine | SurveyedMisfit)[];
  readonly bytes: number;
}

export function isMisfit(item: SurveyedLine | SurveyedMisfit): item is SurveyedMisfit {
  return 'verdict' in item;
}

/** Bytes read between two turns of other code. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = Buffer.from('\n');
const MARKER = /^([<|=>])\1{6}/;

/** Reads all segments of a directory to their ends; needs neither wal.json nor that they follow one another. */
export async function surveySegments(
  storage: Storage,
  clock: Clock,
  directory: string,
  onProgress?: (bytes: number) => void,
): Promise<Survey> {
  const segments: (SurveyedLine | SurveyedMisfit)[][] = [];
  const sides = new Sides();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let bytes = 0;
  for (const firstSeq of layoutOf(storage, directory).segments) {
    const segment = segmentName(firstSeq);
    const items: (SurveyedLine | SurveyedMisfit)[] = [];
    segments.push(items);
    const file = storage.open(join(directory, segment), 'read');
    try {
      sides.leave();
      const found = (line: Envelope, accepted: boolean, offset: number, length: number, glued = false) => {
        const { seq, count, crc, prev, writer, synced, ts } = line;
        const side = sides.now;
        // Written out: there is one for each line of the log.
        items.push({
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
          accepted,
          side,
          kept: false,
        });
      };
      const scan = new SegmentScan(firstSeq, {
        accepted: (line, _bytes, start, end, offset) => {
          found(line, true, offset, end - start);
        },
        passedOver: (_verdict: Verdict, line, offset, length) => {
          found(line, false, offset, length);
        },
        misfit: ({ verdict, cause, evidence, readable }, offset, length) => {
          if (readable !== undefined) {
            found({ ...readable, ts: wholeTs(readable.ts, items) }, false, offset, length);
            return;
          }
          if (cause === 'merge-conflict') sides.meet(markerAt(file, offset));
          items.push({
            verdict,
            ...(cause && { cause }),
            segment,
            offset,
            length,
            line: scan.lineNumber as number,
          });
          if (evidence !== undefined) found(evidence, false, offset, length, true);
        },
      });
      for (let position = 0; ; ) {
        const count = file.read(chunk, position);
        if (count === 0) break;
        scan.push(chunk.subarray(0, count));
        position += count;
        bytes += count;
        onProgress?.(bytes);
        await clock.yield();
      }
      if (scan.unended !== undefined) scan.push(NEWLINE);
    } finally {
      file.close();
    }
  }
  // Names may have been changed: a line's number is its own.
  const items = segments.sort((a, b) => beginning(a) - beginning(b)).flat();
  const lines = items.filter((item) => !isMisfit(item)) as SurveyedLine[];
  for (const [i, kept] of linesToKeep(lines).entries()) (lines[i] as SurveyedLine).kept = kept;
  return { items, bytes };
}

/** A date, or that of the line before where it is none. */
function wholeTs(ts: number, before: readonly (SurveyedLine | SurveyedMisfit)[]): number {
  if (!Number.isNaN(ts)) return ts;
  return (before.findLast((item) => !isMisfit(item)) as SurveyedLine | undefined)?.ts ?? 0;
}

function beginning(items: readonly (SurveyedLine | SurveyedMisfit)[]): number {
  const first = items.find((item) => !isMisfit(item)) as SurveyedLine | undefined;
  return first?.seq ?? Number.MAX_SAFE_INTEGER;
}

function markerAt(file: StorageFile, offset: number): string {
  const bytes = Buffer.alloc(7);
  readFully(file, bytes, offset);
  return MARKER.exec(bytes.toString('latin1'))?.[1] ?? '';
}

/** Tells the sides of merge conflicts apart: what git puts between its markers. */
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
