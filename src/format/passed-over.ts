import { segmentName, segmentSeq } from './names.ts';
import { isInvalid, isSealed, type Survey, type SurveyedInvalidLine, type SurveyedLine } from './survey.ts';

/** Lines that do not count, and that follow one another. */
interface Row {
  /**
   * Whether it looks like what a crash leaves: its first line is after a torn line, which contained its predecessor, or
   * is glued to a fragment. It does not if two lines that follow one another share a line of the file without zeros
   * between them: then somebody removed a newline.
   */
  isLeft: boolean;
  /** Whether it proves that entries in the torn line were synced: a crash does not remove those. */
  proves: boolean;
  /** Whether a later line of the same segment is accepted, so that appending continued from before the row. */
  isPassed: boolean;
  readonly start: SurveyedLine;
  /** The first line of each later row. */
  readonly later: Map<Row, SurveyedLine>;
  /** The last number in it, and the highest number that it says was synced. */
  to: number;
  synced: number;
}

type Items = readonly (SurveyedLine | SurveyedInvalidLine)[];

/**
 * Returns the lines that do not count and hold entries of their own, except for what a crash leaves. These are:
 * - branches: writes built on one another beside the lines that count, as after a merge whose conflict was edited away;
 * - lines whose predecessor was removed, or was damaged after it had been synced;
 * - the entries before `oldest`, if the seal that led from them to `oldest` is lost.
 */
export function passedOver({ items }: Survey, oldest: number): SurveyedLine[] {
  const lost = new Set(unreached(items, oldest));
  const counted = [...rowsOf(items)]
    .filter(([line, row]) => line.kept && line.count > 0 && !lost.has(line) && !isOfCrash(row))
    .map(([line]) => line);
  return [...lost, ...counted];
}

/**
 * Returns the lines that a crash left and that later appends do not follow: their numbers were given to other entries.
 */
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
  /** Rows after a torn line that contains zeros: bytes that a crash removed before they were synced. */
  let behindZeros: Row[] = [];
  let segment = '';
  let isTorn = false;
  let isZeroed = false;
  let head = 0;
  for (const item of items) {
    if (item.segment !== segment) {
      [segment, isTorn, open, behindZeros] = [item.segment, false, [], []];
      // The segments before this one may have been compacted away.
      head = Math.max(head, (segmentSeq(segment) ?? 1) - 1);
    }
    if (isInvalid(item)) {
      isTorn = item.verdict === 'torn';
      isZeroed = item.zeros === true;
    } else if (item.accepted) {
      for (const row of open) row.isPassed = true;
      [open, behindZeros] = [[], []];
      isTorn = false;
      head = item.seq + item.count - 1;
    } else {
      const known = item.follows && rows.get(item.follows);
      const row = known ?? newRow(item, isTorn);
      if (known === undefined && isTorn && isZeroed) behindZeros.push(row);
      rows.set(item, row);
      open.push(row);
      const { follows, joined, synced, seq, count } = item;
      if (joined && follows?.glued) row.isLeft = false;
      row.proves ||= synced > head;
      row.synced = Math.max(row.synced, synced);
      if (!item.kept) continue;
      row.to = Math.max(row.to, seq + count - 1);
      for (const left of behindZeros)
        if (left !== row && isGivenAgain(left, row, item)) [left.isPassed, left.proves] = [true, false];
    }
  }
  return rows;
}

function newRow(start: SurveyedLine, isTorn: boolean): Row {
  const isLeft = start.glued || (start.follows === undefined && isTorn);
  return { isLeft, proves: false, isPassed: false, start, later: new Map(), to: 0, synced: 0 };
}

/**
 * Whether `row`, which has the line `line`, holds numbers of `left`, a row that a crash left after zeros. If so,
 * appending continued without `left`, and the chain rejects the line only because a line before it is damaged. Two rows
 * that follow the same line are branches of it, and do not count here.
 */
function isGivenAgain(left: Row, row: Row, line: SurveyedLine): boolean {
  const first = left.later.get(row) ?? line;
  left.later.set(row, first);
  if (!left.isLeft || row.isPassed || row.start.follows !== undefined || first.glued) return false;
  if (first.side !== left.start.side || first.prev === left.start.prev) return false;
  return first.seq > left.synced && first.seq <= left.to && row.to >= left.start.seq;
}

/**
 * The kept lines before `oldest`, if no seal leads from them to `oldest`. A compaction leaves whole segments, so the
 * last one before `oldest` ends in a seal unless the seal is damaged or was cut off.
 */
function unreached(items: Items, oldest: number): SurveyedLine[] {
  const first = segmentName(oldest);
  const before = items.filter(({ segment }) => segment < first);
  const lines = before.filter((item) => !isInvalid(item)) as SurveyedLine[];
  const last = before.at(-1);
  if (last === undefined || isSealed(lines, last.segment)) return [];
  return lines.filter(({ kept, count }) => kept && count > 0);
}
