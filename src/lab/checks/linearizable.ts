import { linearize } from '../operations/linearize.ts';
import { callsOf, LogModel } from '../operations/log-model.ts';
import { nameOf, type RunEvidence } from '../operations/run-evidence.ts';
import type { Check } from './check.ts';

/** More would take too long to be put in every order. */
const MOST_CALLS = 300;
const NAMED = 5;

/**
 * There is an order of all operations, as if there had been one client, that explains every answer. It is searched for, in all the orders
 * there are, and shares nothing with the other checks, which ask the same of each kind of answer by itself; for short histories.
 */
export const linearizable: Check = {
  name: 'some order of all operations explains every answer',
  fits: (evidence) =>
    evidence.writes.count + evidence.reads.length <= MOST_CALLS && callsOf(evidence) !== undefined,
  *examine(evidence: RunEvidence) {
    const calls = callsOf(evidence) ?? [];
    const finding = linearize(calls, new LogModel(evidence));
    if (finding.kind !== 'none') return;
    const { reached, stuck } = finding;
    const names = stuck.slice(0, NAMED).map(({ operation }) => nameOf(operation));
    yield `no order explains all ${calls.length}: of ${reached} there is one, after which comes none of ${names.join('; ')}${stuck.length > NAMED ? '; …' : stuck.length === 0 ? 'them, and what is there is not what they left' : ''}`;
  },
};
