import type { DamageCause } from '../errors/damage.ts';
import type { FoundLine } from './lineage.ts';
import type { Misfit } from './verdict.ts';
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
  readonly items: readonly (SurveyedLine | SurveyedMisfit)[];
  /** Lines that were edited by hand: among the lines where edits are accepted, else among the misfits. */
  readonly edits: readonly EditedLine[];
  readonly bytes: number;
}

export function isMisfit(item: SurveyedLine | SurveyedMisfit): item is SurveyedMisfit {
  return 'verdict' in item;
}

/**
 * The items, each line after the one that it follows. Every writer appends it there; one that stands before it was moved, by an editor
 * or a tool that sorts lines.
 */
export function followersLater(items: Survey['items']): Survey['items'] {
  const ordered: (SurveyedLine | SurveyedMisfit)[] = [];
  const left = new Set(items);
  /** Those met before the line that they follow, by that line. */
  const early = new Map<SurveyedLine, SurveyedLine[]>();
  for (const item of items) {
    if (!isMisfit(item) && item.follows !== undefined && left.has(item.follows)) {
      const others = early.get(item.follows);
      if (others === undefined) early.set(item.follows, [item]);
      else others.push(item);
      continue;
    }
    for (const next = [item]; next.length > 0; ) {
      const one = next.pop() as (typeof items)[number];
      ordered.push(one);
      left.delete(one);
      if (!isMisfit(one)) next.push(...(early.get(one)?.toReversed() ?? []));
    }
  }
  return ordered;
}

/** Lines that salvage keeps for what they were, by what makes the chain call them damaged. */
export function convertedIn({ items }: Survey): ConvertedLines[] {
  const counts = new Map<DamageCause, number>();
  for (const item of items) {
    if (isMisfit(item) || item.converted === undefined || !item.kept) continue;
    counts.set(item.converted, (counts.get(item.converted) ?? 0) + 1);
  }
  return [...counts].map(([cause, lines]) => ({ cause, lines }));
}

/** Whether what counts in a segment ends in a seal. */
export function isSealed(items: Survey['items'], segment: string): boolean {
  const last = items.findLast((item) => item.segment === segment && !isMisfit(item) && item.accepted);
  return last !== undefined && !isMisfit(last) && last.count === 0;
}
