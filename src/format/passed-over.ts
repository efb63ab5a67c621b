import { segmentName, segmentSeq } from './names.ts';
import { isMisfit, isSealed, type Survey, type SurveyedLine, type SurveyedMisfit } from './survey.ts';

/** Lines that do not count and follow one another. */
interface Row {
  /**
   * Whether it is as what a crash leaves: its first line lies behind a torn one, in which its predecessor was, or glued to a
   * fragment. Two that follow one another in one line are none, unless zeros part them: their newline was taken away.
   */
  isLeft: boolean;
  /** Whether it says that entries were synced which lay in the torn line: no crash takes those. */
  proves: boolean;
  /** Whether the log goes on after it, in the same segment, from before it. */
  isPassed: boolean;
}

type Items = readonly (SurveyedLine | SurveyedMisfit)[];

/**
 * The lines that do not count and hold entries of their own, other than what a crash leaves. A branch: writes that were built
 * on one another beside what counts, as after a merge whose conflict was edited away. Lines whose predecessor was taken
 * out, or was damaged after it had been synced. Or the entries before `oldest`, where the seal that led on from them is lost.
 */
export function passedOver({ items }: Survey, oldest: number): SurveyedLine[] {
  const lost = new Set(unreached(items, oldest));
  const counted = [...rowsOf(items)]
    .filter(([line, row]) => line.kept && line.count > 0 && !lost.has(line) && !isOfCrash(row))
    .map(([line]) => line);
  return [...lost, ...counted];
}

/** The lines that a crash left, and that the log went on without: their numbers were given again. */
export function leftBehind(items: Items): SurveyedLine[] {
  return [...rowsOf(items)].filter(([, row]) => isOfCrash(row) && row.isPassed).map(([line]) => line);
}

function isOfCrash({ isLeft, proves }: Row): boolean {
  return isLeft && !proves;
}

/** The row of each line that does not count. */
function rowsOf(items: Items): Map<SurveyedLine, Row> {
  const rows = new Map<SurveyedLine, Row>();
  let open: Row[] = [];
  let segment = '';
  let isTorn = false;
  let head = 0;
  for (const item of items) {
    if (item.segment !== segment) {
      [segment, isTorn, open] = [item.segment, false, []];
      // What lies before may be compacted away.
      head = Math.max(head, (segmentSeq(segment) ?? 1) - 1);
    }
    if (isMisfit(item)) {
      isTorn = item.verdict === 'torn';
    } else if (item.accepted) {
      for (const row of open) row.isPassed = true;
      open = [];
      isTorn = false;
      head = item.seq + item.count - 1;
    } else {
      const { follows, glued, joined, synced } = item;
      const isLeft = glued || (follows === undefined && isTorn);
      const row = (follows && rows.get(follows)) ?? { isLeft, proves: false, isPassed: false };
      rows.set(item, row);
      open.push(row);
      if (joined && follows?.glued) row.isLeft = false;
      row.proves ||= synced > head;
    }
  }
  return rows;
}

/** Compaction leaves whole segments: the last one before `oldest` ends in a seal, unless that is damaged or was cut off. */
function unreached(items: Items, oldest: number): SurveyedLine[] {
  const first = segmentName(oldest);
  const before = items.filter(({ segment }) => segment < first);
  const lines = before.filter((item) => !isMisfit(item)) as SurveyedLine[];
  const last = before.at(-1);
  if (last === undefined || isSealed(lines, last.segment)) return [];
  return lines.filter(({ kept, count }) => kept && count > 0);
}
