import { count, counted, duration } from './amounts.ts';
import { type Html, html, table } from './html.ts';
import { type RunSection, verdictOf } from './run-section.ts';
import { rateOf } from './throughput-figure.ts';

/** A line for each run, which leads to it. */
export function summaryTable(sections: readonly RunSection[]): Html {
  return html`<nav class="part" aria-label="Runs">${table(
    counted(sections.length, 'run'),
    [
      'scenario',
      'verdict',
      'target',
      'lock',
      'clients',
      'acknowledged',
      'a second',
      'p99',
      'most active',
      'faults',
    ],
    sections.map(({ run: { result }, anchor, picture, together, data }) => {
      const { scenario, settings, operations, writes, reads, seconds, checks } = result;
      const faults = checks.reduce((sum, { faults, timed }) => sum + (timed ? 0 : faults), 0);
      const { p99 } = writes.count > 0 ? writes : reads;
      return [
        html`<a href="#${anchor}">${scenario}</a>`,
        verdictOf(result),
        settings.target,
        settings.lock,
        count(settings.clients),
        count(operations.acknowledged),
        rateOf(data.throughput, seconds),
        p99 === undefined ? '–' : duration(p99 * 1000),
        picture.turns.length === 0 ? '–' : together.most,
        count(faults),
      ];
    }),
  )}</nav>
`;
}
