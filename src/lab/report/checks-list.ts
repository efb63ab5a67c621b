import type { CheckResult } from '../checks/check.ts';
import { counted } from './amounts.ts';
import { type Html, html } from './html.ts';

/** What was checked: those that failed first, with their first faults; those that passed behind one line. */
export function checksList(checks: readonly CheckResult[]): Html {
  const failed = checks.filter(({ ok }) => !ok);
  const passed = checks.filter(({ ok }) => ok);
  return html`<section class="part"><h3>Checks</h3>
<p class="summary">${counted(passed.length, 'check')} of ${checks.length} passed.</p>
<ul class="checks">${failed.map(failure)}</ul>
${passed.length > 0 && html`<details><summary>What holds</summary><ul class="checks">${passed.map(({ name }) => html`<li class="pass"><b>PASS</b> <span>${name}</span></li>`)}</ul></details>`}
</section>
`;
}

function failure({ name, faults, examples, timed }: CheckResult): Html {
  const more = faults - examples.length;
  return html`<li class="${timed ? 'slow' : 'fail'}"><b>${timed ? 'SLOW' : 'FAIL'}</b> <span>${name} (${counted(faults, 'fault')})</span>
<ul>${examples.map((example) => html`<li><code>${example}</code></li>`)}${more > 0 && html`<li>and ${more} more</li>`}</ul></li>`;
}
