import { counted, duration, moment } from '../amounts.ts';
import { MARK_SIGNS } from '../marks.ts';
import { OUTCOMES, type RunData } from '../run-data.ts';
import { makeChart, X_AXIS_HEIGHT } from './chart.ts';
import { HEAD, LanePainter, type PaintedLane, paintedLanes } from './lane-painter.ts';
import type { Drawn, Place } from './place.ts';
import { timeAxis } from './time-axis.ts';

/** Within so many pixels the pointer means a mark. */
const REACH = 6;

function laneHeightOf(lanes: number): number {
  return Math.max(4, Math.min(24, Math.floor(640 / Math.max(1, lanes))));
}

export function timelineHeight(lanes: number): number {
  return HEAD + lanes * laneHeightOf(lanes) + X_AXIS_HEIGHT + 4;
}

export function drawTimeline({ plot, view, tell }: Place, data: RunData): Drawn {
  const height = laneHeightOf(data.lanes.length);
  const lanes = paintedLanes(data);
  const painter = new LanePainter(data, lanes, height);
  const rows = HEAD / height;
  const every = Math.ceil(13 / height);
  const shown = lanes.map((_, i) => i).filter((i) => i % every === 0);
  const chart = makeChart({
    place: plot,
    view,
    height: timelineHeight(data.lanes.length),
    data: [
      [data.from, data.to],
      [null, null],
    ],
    series: [{ show: false }],
    x: timeAxis(view),
    y: {
      splits: () => shown.map((lane) => lane + 0.5),
      values: (_, splits) => splits.map((at) => nameOf(lanes[Math.floor(at)]).slice(0, 14)),
      grid: { show: false },
      ticks: { show: false },
    },
    yScale: { range: [-rows, lanes.length], dir: -1 },
    draw: (chart) => painter.paint(chart),
    point: (chart, at) => {
      if (at === undefined) return tell('');
      const lane = Math.floor(chart.posToVal(chart.cursor.top ?? 0, 'y'));
      tell(pointedText(data, lanes, Math.max(-1, lane), at, (REACH * view.length) / chart.over.clientWidth));
    },
  });
  return {
    chart,
    note: () =>
      painter.hidden > 0
        ? `${counted(painter.hidden, 'bar')} closer together than a pixel are drawn as one: the paler, the less of the time they take.`
        : '',
  };
}

/** Such as `3 writer`. */
function nameOf(lane: PaintedLane | undefined): string {
  return [lane?.name, lane?.role].filter(Boolean).join(' ');
}

/** What is there in a lane. */
function pointedText(
  { marks, overlaps }: RunData,
  lanes: readonly PaintedLane[],
  lane: number,
  at: number,
  reach: number,
): string {
  const near = marks.filter(([moment, , its]) => its === lane && Math.abs(moment - at) <= reach);
  const [from, to] = [at - reach / 4, at + reach / 4];
  const overlap = overlaps.find(([start, end]) => start <= to && end >= from);
  const parts = [
    ...near.map(([when, kind]) => `${MARK_SIGNS[kind].word} at ${moment(when, 1)}`),
    ...laneText(lanes[lane], from, to),
    overlap === undefined ? '' : `${overlap[2]} in the turn at once for ${duration(overlap[1] - overlap[0])}`,
  ].filter(Boolean);
  const who = lane < 0 ? 'all' : `client ${nameOf(lanes[lane])}`;
  return `${moment(at, reach)} · ${[who, ...parts].join(' · ')}`;
}

function laneText(lane: PaintedLane | undefined, from: number, to: number): string[] {
  if (lane === undefined) return [];
  const { turns, waited, operations, outcomes } = lane;
  const parts: string[] = [];
  const turn = turns.at(from, to);
  if (turn !== undefined) {
    const joined = turns.joined?.[turn] ?? 1;
    const length = duration((turns.to[turn] as number) - (turns.from[turn] as number));
    const wait = waited[turn] === 0 ? '' : `, after waiting ${duration(waited[turn] as number)}`;
    parts.push(joined > 1 ? `${joined} turns in ${length}` : `in the turn for ${length}${wait}`);
  } else {
    const next = turns.firstReaching(to);
    const wait = waited[next] ?? 0;
    if (next < turns.count && (turns.from[next] as number) - wait <= to)
      parts.push(`waiting for the turn, ${duration(wait)} in all`);
  }
  const operation = operations.at(from, to);
  if (operation !== undefined) {
    const joined = operations.joined?.[operation] ?? 1;
    const length = duration((operations.to[operation] as number) - (operations.from[operation] as number));
    const outcome = OUTCOMES[outcomes[operation] ?? 0];
    parts.push(
      joined > 1
        ? `${joined} operations in ${length}, at worst ${outcome}`
        : `operation of ${length}, ${outcome}`,
    );
  }
  return parts;
}
