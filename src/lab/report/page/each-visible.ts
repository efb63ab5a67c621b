import type uPlot from 'uplot';
import { toPixels } from './chart.ts';
import type { Spans } from './spans.ts';

/** CSS pixels: a wider bar stands alone; narrower ones that touch are drawn together, so many pixels at a time. */
const WIDE = 3;
const TOGETHER = 16;

/**
 * The spans in view as bars from one device pixel to another, each at least a pixel wide. Narrow ones that touch come as one,
 * with the share of it that they take: drawn each for itself, they would look as if they took all of it, and take long.
 * Answers how many had no pixel of their own.
 */
export function eachVisible(
  chart: uPlot,
  spans: Spans,
  draw: (from: number, to: number, share: number) => void,
  isMeant: (i: number) => boolean = () => true,
): number {
  const { min = 0, max = 0 } = chart.scales.x as uPlot.Scale;
  const x = toPixels(chart);
  let hidden = 0;
  let number = 0;
  let from = 0;
  let to = -Infinity;
  let taken = 0;
  const drawTogether = () => {
    if (number > 0) draw(from, to, number === 1 ? 1 : Math.min(1, taken / (to - from)));
    number = 0;
  };
  for (let i = spans.firstReaching(min); i < spans.count && (spans.from[i] as number) <= max; i++) {
    if (!isMeant(i)) continue;
    const exact = x(spans.to[i] as number) - x(spans.from[i] as number);
    const begin = Math.max(to, Math.floor(x(spans.from[i] as number)));
    const end = Math.max(Math.floor(x(spans.from[i] as number)) + 1, Math.round(x(spans.to[i] as number)));
    const isWide = exact > WIDE * devicePixelRatio;
    if (end <= to) hidden++;
    if (number === 0 || isWide || begin > to || (end > to && end - from > TOGETHER * devicePixelRatio)) {
      drawTogether();
      from = begin;
      taken = 0;
    }
    number++;
    taken += exact;
    to = Math.max(to, end);
    if (isWide && to > from) {
      // A gap after it, so that it is told from the next.
      draw(from, Math.max(from + 1, to - devicePixelRatio), 1);
      number = 0;
    }
  }
  drawTogether();
  return hidden;
}
