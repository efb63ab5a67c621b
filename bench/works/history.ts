import { HISTORY_CHECKS } from '../../src/lab/checks/always.ts';
import { makeCheck } from '../../src/lab/checks/check.ts';
import { collectGarbage } from '../../src/lab/collect-garbage.ts';
import { RunEvidence } from '../../src/lab/operations/run-evidence.ts';
import { seeded } from '../../src/lab/seeded.ts';
import { Child } from '../child.ts';
import { makeHistory } from '../made-history.ts';
import type { Figures, Job, Work } from '../work.ts';

/** What clients say they did is held against what the store has, by all of the lab's checks of that. */
export const history: Work<'history'> = {
  trial: async (task) => (await new Child({ ...task, role: 'checker', seed: 1 }).answer()) as Figures,
  roles: { checker },
};

async function checker({ seed, settings }: Job<'history'>): Promise<Figures> {
  const made = makeHistory(settings.operations, seeded(seed));
  // What the making of it left is not for the checks to collect.
  collectGarbage();
  const start = performance.now();
  const evidence = new RunEvidence(made);
  const faults = HISTORY_CHECKS.flatMap((check) => makeCheck(check, evidence).examples);
  const elapsed = performance.now() - start;
  if (faults.length > 0) throw new Error(`A history with nothing wrong has faults: ${faults[0]}`);
  return {
    elapsed,
    million: (1e6 * elapsed) / settings.operations,
    memory: process.resourceUsage().maxRSS / 1024,
  };
}
