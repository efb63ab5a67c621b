import { nameOf } from '../operations/evidence.ts';
import type { Operation } from '../operations/operation.ts';
import { type Check, telling } from './check.ts';

/**
 * Of two appends, the one that was acknowledged before the other began has the lower number: with the checks of what
 * readers saw, this makes the log linearizable.
 */
export const realTime: Check = {
  name: 'what was acknowledged first lies first',
  examine: telling(({ writes, head }, fault) => {
    // Which of the writes has its first entry there: the others lie right behind, and it stands for them.
    const at = new Uint32Array(head + 1);
    writes.forEachPlace((place, write, entry) => {
      if (entry === 0 && place <= head) at[place] = write + 1;
    });
    const { operations, starts, ends } = writes;
    let latest = -1;
    for (let seq = 1; seq <= head; seq++) {
      const write = (at[seq] as number) - 1;
      if (write === -1) continue;
      if (latest !== -1 && (ends[write] as number) < (starts[latest] as number))
        fault(
          `${nameOf(operations[write] as Operation)} was acknowledged before ${nameOf(operations[latest] as Operation)} began, and lies after it, as entry ${seq}`,
        );
      if (latest === -1 || (starts[write] as number) > (starts[latest] as number)) latest = write;
    }
  }),
};
