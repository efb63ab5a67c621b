/* What the scenarios of the metafuse table share: a catalog of ids whose values are written anew. */

import type { ResultLine } from '../model.ts';
import { isReading, isWriting, type Operation } from '../operations/operation.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';

/** The clients' own operations: not what was prepared, nor what was done in the end. */
export function ofClients({ operations }: RunEvidence): Operation[] {
  return operations.filter(({ client }) => client !== 'prepare' && client !== 'conclude');
}

/** The clients' writes that were acknowledged. */
export function successes(evidence: RunEvidence): Operation[] {
  return ofClients(evidence).filter((each) => isWriting(each) && each.outcome === 'acknowledged');
}

/** The clients' operations that were refused for that reason. */
export function refusals(evidence: RunEvidence, reason: string): Operation[] {
  return ofClients(evidence).filter((each) => each.outcome === 'refused' && each.reason === reason);
}

/** The block of results that people know from the catalog's own stress tests. */
export function catalogResults(evidence: RunEvidence): ResultLine[] {
  const all = ofClients(evidence);
  const reads = all.filter((each) => isReading(each) && each.outcome === 'acknowledged').length;
  const conflicts = refusals(evidence, 'conflict').length;
  return [
    ['Successful writes', successes(evidence).length],
    ['Conflicts detected', conflicts],
    ['Errors', all.filter(({ outcome }) => outcome !== 'acknowledged').length - conflicts],
    ['Total reads', reads],
    ['Reads/sec', evidence.seconds === 0 ? 0 : Math.round(reads / evidence.seconds)],
    ['Unique versions observed', versionsSeen(all)],
  ];
}

/** How many different values the operations saw, of all ids taken together. */
export function versionsSeen(operations: readonly Operation[]): number {
  const seen = new Set<string>();
  for (const { saw } of operations) {
    if (saw === undefined || 'from' in saw) continue;
    for (const [, by] of saw.items) if (by !== null) seen.add(by);
  }
  return seen.size;
}

/** The name of one of so many ids. */
export function catalogId(number: number): string {
  return `item-${number}`;
}
