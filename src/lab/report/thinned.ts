/** What is drawn as a bar of a lane. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Of how many it is made up. */
  readonly joined: number;
}

export interface Thinned<S> {
  readonly lanes: readonly (readonly S[])[];
  /** Neighbours that lay no more than so many microseconds apart were joined; undefined: none were. */
  readonly within: number | undefined;
}

/**
 * At most so many spans: where there are more, neighbours in a lane are joined that lie so close that only much magnified one
 * would see a gap. Each lane's spans are in the order of `from`.
 */
export function thinned<S extends Span>(
  lanes: readonly (readonly S[])[],
  most: number,
  join: (a: S, b: S) => S,
): Thinned<S> {
  const spans = lanes.reduce((sum, lane) => sum + lane.length, 0);
  if (spans <= most) return { lanes, within: undefined };
  const gaps = Float64Array.from(lanes.flatMap(gapsOf)).sort();
  // As many gaps stay as there are spans, but for the first of each lane.
  const stay = Math.max(0, most - lanes.length);
  const within = gaps[gaps.length - 1 - stay] ?? 0;
  return { lanes: lanes.map((lane) => joinedWithin(lane, within, join)), within: Math.max(0, within) };
}

/** Before each of the spans but the first; negative where one begins before others ended. */
function gapsOf(spans: readonly Span[]): number[] {
  let reach = spans[0]?.to ?? 0;
  return spans.slice(1).map(({ from, to }) => {
    const gap = from - reach;
    reach = Math.max(reach, to);
    return gap;
  });
}

function joinedWithin<S extends Span>(spans: readonly S[], within: number, join: (a: S, b: S) => S): S[] {
  const kept: S[] = [];
  let last: S | undefined;
  for (const span of spans) {
    if (last !== undefined && span.from - last.to <= within) {
      last = join(last, span);
      kept[kept.length - 1] = last;
    } else {
      last = span;
      kept.push(span);
    }
  }
  return kept;
}
