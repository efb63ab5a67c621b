import type { Turn } from '../operations/run-record.ts';

/** A stretch in which more than one was in the write turn. */
export interface Overlap {
  readonly from: number;
  readonly to: number;
  readonly most: number;
}

export interface Together {
  /** The most that were in the write turn at once. */
  readonly most: number;
  /** In order. */
  readonly overlaps: readonly Overlap[];
}

/** Who leaves at the moment another comes was not there together with it. */
export function togetherOf(turns: readonly Turn[]): Together {
  const comings = Float64Array.from(turns, ({ from }) => from).sort();
  const goings = Float64Array.from(turns, ({ from, to }) => Math.max(from, to)).sort();
  const overlaps: Overlap[] = [];
  let come = 0;
  let gone = 0;
  let most = 0;
  let since = 0;
  let mostSince = 0;
  const leaveUntil = (moment: number) => {
    while (gone < goings.length && (goings[gone] as number) <= moment) {
      const at = goings[gone] as number;
      gone++;
      if (come - gone === 1 && mostSince > 1) {
        if (at > since) overlaps.push({ from: since, to: at, most: mostSince });
        mostSince = 0;
      }
    }
  };
  for (const at of comings) {
    leaveUntil(at);
    come++;
    const now = come - gone;
    if (now === 2) since = at;
    if (now >= 2) mostSince = Math.max(mostSince, now);
    most = Math.max(most, now);
  }
  leaveUntil(Infinity);
  return { most, overlaps };
}
