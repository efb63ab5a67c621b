import uPlot from 'uplot';
import { count, moment, perSecond } from '../amounts.ts';
import { OUTCOMES, type RunData } from '../run-data.ts';
import { makeChart } from './chart.ts';
import { colour } from './palette.ts';
import type { Drawn, Place } from './place.ts';
import { timeAxis } from './time-axis.ts';

export const THROUGHPUT_HEIGHT = 200;
const DASHES = { acknowledged: [], refused: [6, 3], unknown: [2, 3] };

export function drawThroughput(
  { plot, view, tell }: Place,
  { throughput: { width, counts } }: RunData,
): Drawn {
  const slices = counts.acknowledged.length;
  const rate = (value: number) => (value * 1e6) / width;
  const steps = uPlot.paths.stepped?.({ align: 1 });
  const chart = makeChart({
    place: plot,
    view,
    height: THROUGHPUT_HEIGHT,
    data: [
      Array.from({ length: slices + 1 }, (_, i) => i * width),
      ...OUTCOMES.map((outcome) => [...counts[outcome].map(rate), 0]),
    ],
    series: OUTCOMES.map((outcome) => ({
      stroke: () => colour(outcome),
      ...(outcome === 'acknowledged' && { fill: () => colour('acknowledged-wash') }),
      show: outcome === 'acknowledged' || counts[outcome].some((value) => value > 0),
      dash: DASHES[outcome],
      width: 1.5,
      points: { show: false },
      ...(steps !== undefined && { paths: steps }),
    })),
    x: timeAxis(view),
    y: { values: (_, splits) => splits.map((value) => short(value)), space: 36 },
    yScale: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] },
    point: (_, at) => {
      const slice = Math.floor((at ?? -1) / width);
      if (slice < 0 || slice >= slices) return tell('');
      const each = OUTCOMES.map((outcome) => `${count(counts[outcome][slice] ?? 0)} ${outcome}`).join(', ');
      const speed = perSecond(counts.acknowledged[slice] ?? 0, width);
      tell(`${moment(slice * width, width)} · ${each} · ${speed} acknowledged a second`);
    },
  });
  return { chart, note: () => '' };
}

/** `12k`. */
function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toFixed(1))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toFixed(1))}k`;
  return count(value);
}
