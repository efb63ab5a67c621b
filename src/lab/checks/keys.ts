import type { Glimpse } from '../operations/glimpse.ts';
import type { KeyLife } from '../operations/keys.ts';
import type { Operation } from '../operations/operation.ts';
import { nameOf, type RunEvidence } from '../operations/run-evidence.ts';
import { GlimpsedTimeline } from '../operations/timeline.ts';
import { type Check, type Fault, telling } from './check.ts';

/**
 * What is appended with a key is there once, so long as the log remembers the key, and everybody who tries it again is answered with the
 * number of the first.
 */
export const keys: Check = {
  name: 'every key is there once, and is answered with its first entry',
  examine: telling((evidence, fault) => {
    if (evidence.writes.keyed.length === 0) return;
    const answered: Glimpse[] = [];
    for (const life of evidence.keys.lives()) {
      once(life, evidence, fault);
      for (const glimpse of answersOf(life, evidence, fault)) answered.push(glimpse);
    }
    const timeline = new GlimpsedTimeline(evidence.told, evidence.head, answered, evidence.conflictGlimpses);
    for (const { operation, there, notYet } of answered) {
      if (timeline.earliest(there) > operation.end)
        fault(
          `${nameOf(operation)} was answered with entry ${there}, which was not there yet: ${nameOf(timeline.earliestBy(there))} began later`,
        );
      if (timeline.latest(notYet) < operation.start)
        fault(
          `${nameOf(operation)} was answered with entry ${there}, though ${nameOf(timeline.latestBy(notYet))} had ended before it began, and knew of entry ${notYet}: by then the key was forgotten`,
        );
    }
  }),
};

function once({ places, tries }: KeyLife, { writes, keyWindow = Infinity }: RunEvidence, fault: Fault): void {
  for (const [i, place] of places.entries()) {
    const before = places[i - 1];
    if (before !== undefined && place - before <= keyWindow)
      fault(`entry ${place} has the key of entry ${before}, and is there all the same`);
  }
  for (const write of tries) {
    const operation = writes.operations[write] as Operation;
    const place = operation.duplicate ? writes.placeOf(write, 0) : 0;
    if (place !== 0)
      fault(
        `${nameOf(operation)} was answered with entry ${operation.seq}, and is entry ${place} all the same`,
      );
  }
}

/** What those tell who were answered with an earlier one's number. */
function answersOf(
  { tries, places, isDoubtful }: KeyLife,
  { writes, oldest, keyWindow = Infinity }: RunEvidence,
  fault: Fault,
): Glimpse[] {
  return tries.flatMap((write) => {
    const operation = writes.operations[write] as Operation;
    if (!operation.duplicate) return [];
    // A store that has no numbers does not say which.
    const { seq = places[0] } = operation;
    if (seq !== undefined && places.includes(seq))
      return [{ operation, there: seq, notYet: seq + keyWindow, crc: undefined }];
    const isKnown = !isDoubtful || (seq !== undefined && seq >= oldest);
    if (isKnown)
      fault(
        `${nameOf(operation)} was answered with entry ${seq}, and its key has ${places.length === 0 ? 'none' : `entry ${places.join(', ')}`}`,
      );
    return [];
  });
}
