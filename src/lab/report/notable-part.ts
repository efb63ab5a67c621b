import type { Operation } from '../operations/operation.ts';
import { count, duration, moment } from './amounts.ts';
import { type Html, html, table } from './html.ts';
import { operationText, setbacksOf, slowestOf } from './notable.ts';

const SLOWEST_TOLD = 10;

/** Which operations are worth a look: why some were not acknowledged, and which took longest. */
export function notablePart(operations: readonly Operation[]): Html {
  const setbacks = setbacksOf(operations);
  const slowest = slowestOf(operations, SLOWEST_TOLD);
  return html`<section class="part"><h3>Operations worth a look</h3>
${
  setbacks.length > 0 &&
  table(
    'Why operations were not acknowledged',
    ['reason', 'outcome', 'how many', 'for example'],
    setbacks.map(({ reason, outcome, count: number, example }) => [
      reason,
      outcome,
      count(number),
      html`<code>${operationText(example)}</code>${example.message !== undefined && html`: ${example.message}`}`,
    ]),
  )
}
<details><summary>The ${slowest.length} slowest</summary>${table(
    'The slowest operations',
    ['operation', 'began at', 'took', 'outcome'],
    slowest.map((each) => [
      html`<code>${operationText(each)}</code>`,
      moment(each.start, 1000),
      duration(each.end - each.start),
      each.outcome,
    ]),
  )}</details>
</section>
`;
}
