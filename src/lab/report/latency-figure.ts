import { count, counted, duration } from './amounts.ts';
import { figure, swatch } from './figure.ts';
import { type Html, html, table } from './html.ts';
import type { LatencyData } from './run-data.ts';

/** From call to answer of what was acknowledged: percentiles, and how they are spread. */
export function latencyFigure(anchor: string, { edges, groups }: LatencyData): Html {
  const total = (counts: readonly number[]) => counts.reduce((sum, value) => sum + value, 0);
  if (groups.length === 0)
    return html`<h3>Latency</h3><p class="quiet">No operation that reads or writes was acknowledged.</p>`;
  const names = groups[0]?.percentiles.map(([name]) => name) ?? [];
  return figure({
    chart: 'latency',
    anchor,
    title: 'Latency',
    summary: html`From call to answer, of what was acknowledged. ${groups.map(
      ({ name, counts, percentiles }) =>
        html`${counted(total(counts), name.slice(0, -1))}, half of them within ${duration(percentiles[0]?.[1] ?? 0)}, the slowest ${duration(percentiles.at(-1)?.[1] ?? 0)}. `,
    )}
Both scales are logarithmic; the lines are percentiles of the ${groups[0]?.name}.`,
    legend: html`${table(
      'Percentiles, exact',
      ['', 'operations', ...names],
      groups.map(({ name, counts, percentiles }) => [
        name,
        count(total(counts)),
        ...percentiles.map(([, us]) => duration(us)),
      ]),
    )}
<ul class="legend">${groups.map(({ name }) => swatch(`bars ${name}`, name))}</ul>`,
    more: html`<details><summary>The distribution, in figures</summary>${table(
      'Operations by latency',
      ['from', 'to', ...groups.map(({ name }) => name)],
      edges
        .slice(0, -1)
        .map((edge, i) => [
          duration(edge),
          duration(edges[i + 1] as number),
          ...groups.map(({ counts }) => count(counts[i] ?? 0)),
        ])
        .filter(([, , ...counts]) => counts.some((value) => value !== '0')),
    )}</details>`,
  });
}
