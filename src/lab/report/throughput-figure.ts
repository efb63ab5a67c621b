import { count, duration, moment, perSecond } from './amounts.ts';
import { figure, swatch } from './figure.ts';
import { type Html, html, table } from './html.ts';
import { OUTCOMES, type ThroughputData } from './run-data.ts';

const sum = (row: readonly number[]) => row.reduce((total, value) => total + value, 0);

/** Operations acknowledged a second, from the common start on. */
export function rateOf({ counts }: ThroughputData, seconds: number): string {
  return perSecond(sum(counts.acknowledged), seconds * 1e6);
}

/** How many operations ended when, by outcome. */
export function throughputFigure(anchor: string, { width, before, counts }: ThroughputData): Html {
  const { acknowledged, refused, unknown } = counts;
  const best = Math.max(...acknowledged);
  return figure({
    chart: 'throughput',
    anchor,
    title: 'Throughput',
    summary: html`Operations a second, in slices of ${duration(width)}: ${count(sum(acknowledged))} acknowledged, ${count(sum(refused))} refused, ${count(sum(unknown))} unknown.
The best slice had ${perSecond(best, width)} acknowledged a second.${before > 0 && ` ${count(before)} more ended before the common start: clients open the store before it.`}`,
    legend: html`<ul class="legend">${OUTCOMES.map((outcome) => swatch(`line ${outcome}`, outcome))}</ul>`,
    more: html`<details><summary>Each slice, in figures</summary>${table(
      `Operations that ended in each slice of ${duration(width)}`,
      ['from', ...OUTCOMES],
      acknowledged.map((value, i) => [
        moment(i * width, width),
        count(value),
        count(refused[i] ?? 0),
        count(unknown[i] ?? 0),
      ]),
    )}</details>`,
  });
}
