import type { Operation } from '../operations/operation.ts';
import { nameOf } from '../operations/run-evidence.ts';
import { type Check, telling } from './check.ts';

/**
 * Of two appends, the one that was acknowledged before the other began has the lower number: with the checks of what
 * readers saw, and of what conflicts and keys were answered, this makes the log linearizable.
 */
export const realTime: Check = {
  name: 'what was acknowledged first lies first',
  examine: telling(({ writes, written }, fault) => {
    for (let write = 0; write < writes.count; write++) {
      if (writes.outcomes[write] !== 'acknowledged' || writes.sizeOf(write) === 0) continue;
      const place = writes.placeOf(write, 0);
      if (place === 0 || written.earliest(place) <= (writes.ends[write] as number)) continue;
      fault(
        `${nameOf(writes.operations[write] as Operation)} was acknowledged before ${nameOf(written.earliestBy(place))} began, and lies after it, as entry ${place}`,
      );
    }
  }),
};
