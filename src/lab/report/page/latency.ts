import type uPlot from 'uplot';
import { count, duration } from '../amounts.ts';
import type { LatencyGroup, RunData } from '../run-data.ts';
import { inFrame, makeChart, toPixels } from './chart.ts';
import { colour, FONT } from './palette.ts';
import type { Drawn, Place } from './place.ts';

export const LATENCY_HEIGHT = 240;
/** Where a bar of nothing would stand on a logarithmic scale that shows a bar of one. */
const FLOOR = 0.7;

/** The view's axis is the decimal logarithm of microseconds. */
export function drawLatency({ plot, view, tell }: Place, { latency: { edges, groups } }: RunData): Drawn {
  const places = edges.map(Math.log10);
  const most = Math.max(...groups.flatMap(({ counts }) => counts));
  const chart = makeChart({
    place: plot,
    view,
    height: LATENCY_HEIGHT,
    data: [
      [view.first, view.last],
      [FLOOR, most],
    ],
    series: [{ show: false }],
    x: {
      splits: (_, __, min, max) => roundLatencies(min, max),
      values: (_, splits) => splits.map((place) => (place === null ? '' : duration(10 ** place))),
      filter: (chart, splits) => apart(chart, splits),
    },
    y: {
      splits: () => Array.from({ length: Math.ceil(Math.log10(most + 1)) + 1 }, (_, power) => 10 ** power),
      values: (_, splits) => splits.map((value) => count(value)),
    },
    yScale: { distr: 3, range: [FLOOR, Math.max(2, most * 2.5)] },
    draw: (chart) =>
      inFrame(chart, (context) => {
        for (const group of groups) paintBars(chart, context, group, places);
        if (groups[0] !== undefined) paintPercentiles(chart, context, groups[0]);
      }),
    point: (_, at) => {
      const bucket = at === undefined ? -1 : places.findLastIndex((place) => place <= at);
      if (bucket < 0 || bucket >= places.length - 1) return tell('');
      const each = groups.map(({ name, counts }) => `${count(counts[bucket] ?? 0)} ${name}`).join(', ');
      tell(`${duration(edges[bucket] as number)} to ${duration(edges[bucket + 1] as number)} · ${each}`);
    },
  });
  return { chart, note: () => '' };
}

/** 1, 2, 5, 10, ... microseconds, as places on the axis. */
function roundLatencies(min: number, max: number): number[] {
  const places: number[] = [];
  for (let power = Math.floor(min); power <= max; power++)
    for (const factor of [1, 2, 5]) places.push(power + Math.log10(factor));
  return places.filter((place) => place >= min && place <= max);
}

/** Leaves out labels that would touch; powers of ten go first. */
function apart(chart: uPlot, splits: readonly number[]): (number | null)[] {
  const x = toPixels(chart);
  const taken: number[] = [];
  const isRound = (place: number) => Number.isInteger(place);
  const kept = new Set<number>();
  for (const place of [...splits.filter(isRound), ...splits.filter((place) => !isRound(place))]) {
    if (taken.some((other) => Math.abs(other - x(place)) < 60 * devicePixelRatio)) continue;
    taken.push(x(place));
    kept.add(place);
  }
  return splits.map((place) => (kept.has(place) ? place : null));
}

function paintBars(
  chart: uPlot,
  context: CanvasRenderingContext2D,
  { name, counts }: LatencyGroup,
  places: readonly number[],
): void {
  const x = toPixels(chart);
  const floor = chart.valToPos(FLOOR, 'y', true);
  const isFilled = name === 'writes';
  context.fillStyle = colour(isFilled ? 'writes' : 'reads-wash');
  context.strokeStyle = colour('reads');
  context.lineWidth = 1.5 * devicePixelRatio;
  for (const [i, number] of counts.entries()) {
    if (number === 0) continue;
    const left = x(places[i] as number) + devicePixelRatio / 2;
    const width = x(places[i + 1] as number) - left - devicePixelRatio / 2;
    const top = chart.valToPos(number, 'y', true);
    context.fillRect(left, top, width, floor - top);
    if (!isFilled) context.strokeRect(left, top, width, floor - top);
  }
}

function paintPercentiles(
  chart: uPlot,
  context: CanvasRenderingContext2D,
  { percentiles }: LatencyGroup,
): void {
  const x = toPixels(chart);
  const { top, height, left, width } = chart.bbox;
  context.fillStyle = colour('ink');
  context.font = FONT.replace('12', String(12 * devicePixelRatio));
  context.textAlign = 'left';
  context.textBaseline = 'top';
  let free = -Infinity;
  for (const [name, us] of percentiles) {
    const at = Math.round(x(Math.log10(Math.max(1, us))));
    if (at < left || at > left + width) continue;
    context.globalAlpha = 0.55;
    context.fillRect(at, top, devicePixelRatio, height);
    context.globalAlpha = 1;
    const space = 4 * devicePixelRatio;
    const word = context.measureText(name).width;
    const isRight = at + space + word > left + width;
    const begin = isRight ? at - space - word : at + space;
    if (begin < free) continue;
    context.fillText(name, begin, top + space);
    free = begin + word + space;
  }
}
