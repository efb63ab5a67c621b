import type { Head, Operation } from '../operations/operation.ts';
import { nameOf, type RunEvidence } from '../operations/run-evidence.ts';
import { type Check, type Fault, telling } from './check.ts';
import { shownTerms } from './shown-terms.ts';

/**
 * Whoever was told of a conflict had one: at some moment of the operation the log was not as it expected it. Where the conflict says
 * where the log ended, and what rev the id had, they were so at that moment.
 */
export const conflicts: Check = {
  name: 'every conflict was one, and told what was there',
  examine: telling((evidence, fault) => {
    if (evidence.conflicts.length === 0) return;
    for (const operation of evidence.conflicts) {
      if (operation.head !== undefined) atHead(operation, operation.head, evidence, fault);
      else if (operation.expect !== undefined && !isExplained(operation, evidence))
        fault(
          `${nameOf(operation)} was refused, though ${shownTerms(operation)} held all the time, or its key was there`,
        );
    }
  }),
};

function atHead(
  operation: Operation,
  { seq, crc }: Head,
  { head, can, terms, told }: RunEvidence,
  fault: Fault,
): void {
  const { expect, rev, start, end } = operation;
  const known = terms.keyAt(operation, seq);
  const name = () => nameOf(operation);
  if (seq > head) return;
  if (told.latest(seq + 1) < start)
    fault(
      `${name()} was told that the log ends at entry ${seq}, though ${nameOf(told.latestBy(seq + 1))} had ended before it began, and knew of entry ${seq + 1}`,
    );
  if (told.earliest(seq) > end)
    fault(
      `${name()} was told that the log ends at entry ${seq}, which was not there yet: ${nameOf(told.earliestBy(seq))} began later`,
    );
  if (known !== undefined)
    fault(`${name()} was refused at entry ${seq}, and its key was there, as entry ${known}`);
  if (expect === undefined) return;
  const isSame = expect.seq === seq && (expect.crc === undefined || expect.crc === crc);
  if (isSame || terms.wereMet(operation, seq))
    fault(`${name()} expected ${shownTerms(operation)}, and was refused where that held, at entry ${seq}`);
  if (expect.rev === undefined || rev === undefined || !can.includes('rev')) return;
  const there = terms.standing(operation, seq);
  if (there !== undefined && there.rev !== rev)
    fault(`${name()} was told of rev ${rev}, and as of entry ${seq} it is at rev ${there.rev}`);
}

/** Whether there may have been a moment of the operation at which the log was not as it expected it, and the id as it was told. */
function isExplained(operation: Operation, { head, can, terms, told }: RunEvidence): boolean {
  for (let seq = told.knownAt(operation.start); ; ) {
    const there = operation.rev === undefined ? undefined : terms.standing(operation, seq);
    const isTold = there === undefined || there.rev === operation.rev || !can.includes('rev');
    const isKeyed = terms.keyAt(operation, seq) !== undefined;
    if (isTold && !isKeyed && terms.wereMet(operation, seq) !== true) return true;
    seq = terms.nextChange(operation, seq);
    if (seq > head || told.earliest(seq) > operation.end) return false;
  }
}
