import type { DamageCause } from '../errors/damage.ts';
import type { FoundLine } from './lineage.ts';
import { segmentSeq } from './names.ts';
import type { Encoding } from './within.ts';

/** A line, and where it lies. */
export interface SurveyedLine extends FoundLine {
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  readonly ts: number;
  /** Whether it shares a line of the file with something else: a fragment, or other lines. */
  readonly glued: boolean;
  /** Whether a whole line is before it there, and what parted them is gone or changed. Zeros between them are as a crash leaves a newline. */
  readonly joined: boolean;
  /** Why the chain says damaged, though the line is whole but for that: see `lineWithin`. */
  readonly converted: DamageCause | undefined;
  readonly encoding: Encoding;
  /** Whether it is what an edit by hand made of a line, whose checksum it has: see `readEdited`. */
  readonly edited: boolean;
  /** Whether it holds entries that the rest of the log does not. */
  kept: boolean;
  /** The line that it follows, where that is there. */
  follows: SurveyedLine | undefined;
}

/** A line that is not crc-valid. */
export interface SurveyedInvalidLine {
  readonly verdict: 'torn' | 'damaged';
  readonly cause?: DamageCause;
  /** Set where it is torn and holds zeros, as a crash leaves for bytes that were not synced. */
  readonly zeros?: true;
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  /** Its number in the segment, from 1. */
  readonly line: number;
}

/** A line that somebody edited: JSON of the right shape, in the place of the line whose checksum it bears. */
export interface EditedLine {
  /** First and last entry that it holds. */
  readonly from: number;
  readonly to: number;
  readonly segment: string;
  readonly offset: number;
  /** Its number in the segment, from 1. */
  readonly line: number;
  /** What it says now: its first 10,000 characters. */
  readonly text: string;
}

/** Lines that are whole but for one thing, such as their ends. */
export interface ConvertedLines {
  readonly cause: DamageCause;
  readonly lines: number;
}

/** Entries that are not there any more, and what lies in their place. */
export interface LostRange {
  /** First and last number that is gone, as the new log counts. */
  readonly from: number;
  readonly to: number;
  /** Where the damage lies; where nothing does, the line that shows it. */
  readonly segment: string;
  readonly offset: number;
  readonly cause: DamageCause | 'missing' | 'unreadable' | 'snapshot';
}

/**
 * What lies in the segments of a directory, whatever became of them: all lines, in the order that their files begin in, and each
 * after the line that it follows.
 */
export interface Survey {
  readonly items: readonly (SurveyedLine | SurveyedInvalidLine)[];
  /** Lines that were edited by hand: among the lines where edits are accepted, else among the misfits. */
  readonly edits: readonly EditedLine[];
  /** The first numbers that the names of all segments tell, in order: also of those that hold nothing. */
  readonly segments: readonly number[];
  readonly bytes: number;
}

export function isInvalid(item: SurveyedLine | SurveyedInvalidLine): item is SurveyedInvalidLine {
  return 'verdict' in item;
}

/** The items in the order in which writers append lines. A line that stands elsewhere was moved, by an editor or a tool that sorts lines. */
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
  /** The first and the last of the entries in it that are kept. */
  from: number;
  to: number;
}

/**
 * The items of one segment. A line that does not count was moved if it stands behind lines of higher numbers, and what these follow is not
 * there: then all lines go by their numbers. A line that counts may have been appended there, under a number that was free, unless
 * it is older. Between the markers of a merge conflict numbers tell nothing.
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
  // What is not between others was at the end.
  const between = sorted.reduce((sum, { from, to }, i) => {
    const gap = from - (sorted[i - 1]?.to ?? firstSeq - 1) - 1;
    return to === 0 ? sum : sum + Math.max(0, gap);
  }, 0);
  return [...damaged.slice(0, between), ...sorted.flatMap(({ lines }) => lines), ...damaged.slice(between)];
}

/** Whether a line was written before another, as far as they tell. */
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

/** The items, each line after the one that it follows. */
function followersLater(items: Survey['items']): Survey['items'] {
  const ordered: (SurveyedLine | SurveyedInvalidLine)[] = [];
  const left = new Set(items);
  /** Those met before the line that they follow, by that line. */
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

/** Lines that salvage keeps for what they were, by what makes the chain call them damaged. */
export function convertedIn({ items }: Survey): ConvertedLines[] {
  const counts = new Map<DamageCause, number>();
  for (const item of items) {
    if (isInvalid(item) || item.converted === undefined || !item.kept) continue;
    counts.set(item.converted, (counts.get(item.converted) ?? 0) + 1);
  }
  return [...counts].map(([cause, lines]) => ({ cause, lines }));
}

/** Whether what counts in a segment ends in a seal. */
export function isSealed(items: Survey['items'], segment: string): boolean {
  const last = items.findLast((item) => item.segment === segment && !isInvalid(item) && item.accepted);
  return last !== undefined && !isInvalid(last) && last.count === 0;
}
