import type { OperationOutcome } from '../operations/operation.ts';
import type { Picture } from './picture.ts';
import type { ThroughputData } from './run-data.ts';

/** About so many slices make a run. */
const SLICES = 100;

/** How many operations ended when, after the common start. */
export function slicesOf({ operations, to }: Pick<Picture, 'operations' | 'to'>): ThroughputData {
  const width = roundWidth(to / SLICES);
  const slices = Math.max(1, Math.ceil(to / width));
  const row = () => new Array<number>(slices).fill(0);
  const counts: Record<OperationOutcome, number[]> = { acknowledged: row(), refused: row(), unknown: row() };
  let before = 0;
  for (const { end, outcome } of operations) {
    if (end < 0) {
      before++;
      continue;
    }
    const slice = Math.min(slices - 1, Math.floor(end / width));
    (counts[outcome][slice] as number)++;
  }
  return { width, before, counts };
}

/** The next of 1, 2, 5, 10, 20, ... microseconds. */
function roundWidth(us: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, us)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((width) => width >= us) ?? 10 * power;
}
