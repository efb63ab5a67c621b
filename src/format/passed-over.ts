import { segmentName, segmentSeq } from './names.ts';
import { isInvalid, isSealed, type Survey, type SurveyedInvalidLine, type SurveyedLine } from './survey.ts';

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
  readonly start: SurveyedLine;
  /** The first line of each row that comes after it. */
  readonly later: Map<Row, SurveyedLine>;
  /** The last number in it, and the highest that it says was synced. */
  to: number;
  synced: number;
}

type Items = readonly (SurveyedLine | SurveyedInvalidLine)[];

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
  /** Those behind a torn line that holds zeros: bytes that a crash took before they were synced. */
  let behindZeros: Row[] = [];
  let segment = '';
  let isTorn = false;
  let isZeroed = false;
  let head = 0;
  for (const item of items) {
    if (item.segment !== segment) {
      [segment, isTorn, open, behindZeros] = [item.segment, false, [], []];
      // What lies before may be compacted away.
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
 * Whether a row with such a line holds numbers of a row behind zeros, which a crash left: the log went on without that one, and the
 * chain does not accept the line only because one before it is damaged. Two rows that follow the same line are branches of it.
 */
function isGivenAgain(left: Row, row: Row, line: SurveyedLine): boolean {
  const first = left.later.get(row) ?? line;
  left.later.set(row, first);
  if (!left.isLeft || row.isPassed || row.start.follows !== undefined || first.glued) return false;
  if (first.side !== left.start.side || first.prev === left.start.prev) return false;
  return first.seq > left.synced && first.seq <= left.to && row.to >= left.start.seq;
}

/** Compaction leaves whole segments: the last one before `oldest` ends in a seal, unless that is damaged or was cut off. */
function unreached(items: Items, oldest: number): SurveyedLine[] {
  const first = segmentName(oldest);
  const before = items.filter(({ segment }) => segment < first);
  const lines = before.filter((item) => !isInvalid(item)) as SurveyedLine[];
  const last = before.at(-1);
  if (last === undefined || isSealed(lines, last.segment)) return [];
  return lines.filter(({ kept, count }) => kept && count > 0);
}
