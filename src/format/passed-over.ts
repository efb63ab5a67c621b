import { isMisfit, type Survey, type SurveyedLine } from './survey.ts';

/**
 * The lines that do not count and hold entries of their own, other than what a crash leaves. A branch: writes that were built
 * on one another beside what counts, as after a merge whose conflict was edited away. Or lines whose predecessor was taken
 * out. A crash leaves lines behind torn ones, in which their predecessor was, or glued to a fragment.
 */
export function passedOver({ items }: Survey): SurveyedLine[] {
  const found: SurveyedLine[] = [];
  /** Lines that do not count, by what their row begins with. */
  const left = new Map<SurveyedLine, boolean>();
  let segment = '';
  let isTorn = false;
  for (const item of items) {
    if (item.segment !== segment) [segment, isTorn] = [item.segment, false];
    if (isMisfit(item)) isTorn = item.verdict === 'torn';
    else if (item.accepted) isTorn = false;
    else {
      const { follows, glued, kept, count } = item;
      const isCrash =
        glued || (follows === undefined ? isTorn : !follows.accepted && left.get(follows) === true);
      left.set(item, isCrash);
      if (kept && count > 0 && !isCrash) found.push(item);
    }
  }
  return found;
}
