import type { DamageCause } from '../errors/damage.ts';
import type { FoundLine } from './lineage.ts';
import { segmentSeq } from './names.ts';
import type { Encoding } from './within.ts';

/** A line of a damaged log, and where it is. */
export interface SurveyedLine extends FoundLine {
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  readonly ts: number;
  /** Whether it shares a line of the file with something else: a fragment or other lines. */
  readonly glued: boolean;
  /**
   * Whether a whole line is before it in the same line of the file, and their separator was removed or changed. False
   * if there are zeros between the two: a crash can leave a newline as zeros.
   */
  readonly joined: boolean;
  /** The cause for which the chain calls it damaged, if the line is otherwise whole: see `lineWithin`. */
  readonly converted: DamageCause | undefined;
  readonly encoding: Encoding;
  /** Whether it was edited by hand, and has the checksum of the line before the edit: see `readEdited`. */
  readonly edited: boolean;
  /** Whether it holds entries that the rest of the log does not hold. */
  kept: boolean;
  /** The line that it follows; undefined if that line is missing. */
  follows: SurveyedLine | undefined;
}

/** A line that is not crc-valid. */
export interface SurveyedInvalidLine {
  readonly verdict: 'torn' | 'damaged';
  readonly cause?: DamageCause;
  /** Set if it is torn and contains zeros, which a crash leaves for bytes that were not synced. */
  readonly zeros?: true;
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  /** Its number in the segment, from 1. */
  readonly line: number;
}

/** A line that somebody edited: JSON of the right shape, in the place of the line whose checksum it has. */
export interface EditedLine {
  /** Numbers of its first and last entry. */
  readonly from: number;
  readonly to: number;
  readonly segment: string;
  readonly offset: number;
  /** Its number in the segment, from 1. */
  readonly line: number;
  /** The edited text: its first 10,000 characters. */
  readonly text: string;
}

/** Lines that are whole except for one cause of damage, such as their line ends. */
export interface ConvertedLines {
  readonly cause: DamageCause;
  readonly lines: number;
}

/** Entries that are lost, and what is in their place. */
export interface LostRange {
  /** First and last number that is lost, in the numbers of the new log. */
  readonly from: number;
  readonly to: number;
  /** Where the damage is; if nothing is in the place of the entries, where the line is that shows it. */
  readonly segment: string;
  readonly offset: number;
  readonly cause: DamageCause | 'missing' | 'unreadable' | 'snapshot';
}

/**
 * The content of all segments of a directory, damaged or not: all lines, with segments in the order of the numbers at
 * which their lines begin, and each line after the line that it follows.
 */
export interface Survey {
  readonly items: readonly (SurveyedLine | SurveyedInvalidLine)[];
  /** Lines that were edited by hand. In `items` they are lines if edits are accepted, else invalid lines. */
  readonly edits: readonly EditedLine[];
  /** The first seqs in the names of all segments, in order, including segments without lines. */
  readonly segments: readonly number[];
  readonly bytes: number;
}

export function isInvalid(item: SurveyedLine | SurveyedInvalidLine): item is SurveyedInvalidLine {
  return 'verdict' in item;
}

/**
 * Returns the items in the order in which writers append lines. A line elsewhere was moved by an editor, or by a tool
 * that sorts lines.
 */
export function inLogOrder(items: Survey['items']): Survey['items'] {
  const ordered = followersLater(items);
  const segments = new Map<string, (SurveyedLine | SurveyedInvalidLine)[]>();
  for (const item of ordered) {
    const others = segments.get(item.segment);
    if (others === undefined) segments.set(item.segment, [item]);
    else others.push(item);
  }
  return [...segments.values()].flatMap(runsInOrder);
}

/** Lines of one segment that follow one another. */
interface Run {
  readonly start: SurveyedLine;
  readonly lines: SurveyedLine[];
  /** Numbers of the first and last kept entry in it. */
  from: number;
  to: number;
}

/**
 * Orders the items of one segment: by number if lines were moved, else as they are.
 *
 * A line that does not count was moved if it comes after a run of higher numbers whose own predecessor is missing. A
 * line that counts is different: it may have been appended there under a number that was free. It was moved only if it
 * is older than that run. Between the markers of a merge conflict, numbers show nothing.
 */
function runsInOrder(items: (SurveyedLine | SurveyedInvalidLine)[]): Survey['items'] {
  const firstSeq = segmentSeq(items[0]?.segment ?? '') ?? 1;
  const runs = runsIn(items);
  let highest: Run | undefined;
  const isMoved = items.some((item) => {
    if (isInvalid(item)) return false;
    const run = runs.get(item) as Run;
    if (run.to === 0) return false;
    if (run.start === item && item.follows === undefined && run.from > (highest?.from ?? 0)) highest = run;
    if (highest === undefined || !item.kept || run.from < firstSeq || run.to >= highest.from) return false;
    return !item.accepted || isOlder(item, highest.start);
  });
  if (!isMoved || items.some((item) => !isInvalid(item) && item.side !== 0)) return items;
  // Lines of another segment come last.
  const place = ({ from }: Run) => (from < firstSeq ? Infinity : from);
  const sorted = [...new Set(runs.values())].sort((a, b) =>
    place(a) < place(b) ? -1 : Number(place(a) > place(b)),
  );
  const damaged = items.filter(isInvalid);
  // Damaged lines that fit into no gap were at the end.
  const between = sorted.reduce((sum, { from, to }, i) => {
    const gap = from - (sorted[i - 1]?.to ?? firstSeq - 1) - 1;
    return to === 0 ? sum : sum + Math.max(0, gap);
  }, 0);
  return [...damaged.slice(0, between), ...sorted.flatMap(({ lines }) => lines), ...damaged.slice(between)];
}

/** Whether line `a` was written before line `b`, as far as their fields show. */
function isOlder(a: SurveyedLine, b: SurveyedLine): boolean {
  const [session, number] = a.writer.split('.');
  const [other, otherNumber] = b.writer.split('.');
  return session === other ? Number(number) < Number(otherNumber) : a.ts < b.ts;
}

function runsIn(items: Survey['items']): Map<SurveyedLine, Run> {
  const runs = new Map<SurveyedLine, Run>();
  for (const item of items) {
    if (isInvalid(item)) continue;
    const { follows, seq, count, kept } = item;
    const run = (follows && runs.get(follows)) ?? { start: item, lines: [], from: Infinity, to: 0 };
    runs.set(item, run);
    run.lines.push(item);
    if (!kept || count === 0) continue;
    run.from = Math.min(run.from, seq);
    run.to = Math.max(run.to, seq + count - 1);
  }
  return runs;
}

/** The items, with each line after the line that it follows. */
function followersLater(items: Survey['items']): Survey['items'] {
  const ordered: (SurveyedLine | SurveyedInvalidLine)[] = [];
  const left = new Set(items);
  /** Lines met before the line that they follow, by that line. */
  const early = new Map<SurveyedLine, SurveyedLine[]>();
  for (const item of items) {
    if (!isInvalid(item) && item.follows !== undefined && left.has(item.follows)) {
      const others = early.get(item.follows);
      if (others === undefined) early.set(item.follows, [item]);
      else others.push(item);
      continue;
    }
    for (const next = [item]; next.length > 0; ) {
      const one = next.pop() as (typeof items)[number];
      ordered.push(one);
      left.delete(one);
      if (!isInvalid(one)) next.push(...(early.get(one)?.toReversed() ?? []));
    }
  }
  return ordered;
}

/** Counts the lines that the chain calls damaged and a salvage keeps as they were, by cause. */
export function convertedIn({ items }: Survey): ConvertedLines[] {
  const counts = new Map<DamageCause, number>();
  for (const item of items) {
    if (isInvalid(item) || item.converted === undefined || !item.kept) continue;
    counts.set(item.converted, (counts.get(item.converted) ?? 0) + 1);
  }
  return [...counts].map(([cause, lines]) => ({ cause, lines }));
}

/** Whether the last accepted line of a segment is a seal. */
export function isSealed(items: Survey['items'], segment: string): boolean {
  const last = items.findLast((item) => item.segment === segment && !isInvalid(item) && item.accepted);
  return last !== undefined && !isInvalid(last) && last.count === 0;
}
