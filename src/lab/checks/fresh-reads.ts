import { nameOf } from '../operations/run-evidence.ts';
import { type Check, telling } from './check.ts';

/**
 * No read goes back: it sees what was acknowledged before it began, and what any read that ended before it began had
 * seen; and it sees nothing that was not yet begun when it ended.
 */
export const freshReads: Check = {
  name: 'no read goes back, or ahead',
  examine: telling(({ glimpses, seen }, fault) => {
    for (const { operation, there, notYet } of glimpses) {
      if (seen.latest(notYet) < operation.start)
        fault(
          `${nameOf(operation)} saw entries up to ${there}, though ${nameOf(seen.latestBy(notYet))} had ended before it began, and knew of entry ${notYet}`,
        );
      if (seen.earliest(there) > operation.end)
        fault(
          `${nameOf(operation)} saw entries up to ${there}, one of which was not begun yet: ${nameOf(seen.earliestBy(there))}`,
        );
    }
  }),
};
