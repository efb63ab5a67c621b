import { isMisfit, type Survey, type SurveyedLine } from './survey.ts';

/** Lines that do not count and follow one another. */
interface Row {
  /** Whether it begins as what a crash leaves: behind a torn line, in which its predecessor was, or glued to a fragment. */
  readonly isLeft: boolean;
  /** Whether it says that entries were synced which lay in the torn line: no crash takes those. */
  proves: boolean;
}

/**
 * The lines that do not count and hold entries of their own, other than what a crash leaves. A branch: writes that were built
 * on one another beside what counts, as after a merge whose conflict was edited away. Or lines whose predecessor was taken
 * out, or was damaged after it had been synced.
 */
export function passedOver({ items }: Survey): SurveyedLine[] {
  const found: SurveyedLine[] = [];
  const rows = new Map<SurveyedLine, Row>();
  let segment = '';
  let isTorn = false;
  let head = 0;
  for (const item of items) {
    if (item.segment !== segment) [segment, isTorn] = [item.segment, false];
    if (isMisfit(item)) isTorn = item.verdict === 'torn';
    else if (item.accepted) {
      isTorn = false;
      head = item.seq + item.count - 1;
    } else {
      const { follows, glued, kept, count, synced } = item;
      const isLeft = glued || (follows === undefined && isTorn);
      const row = (follows && rows.get(follows)) ?? { isLeft, proves: false };
      rows.set(item, row);
      row.proves ||= synced > head;
      if (kept && count > 0) found.push(item);
    }
  }
  return found.filter((line) => {
    const row = rows.get(line);
    return row?.isLeft === false || row?.proves === true;
  });
}
