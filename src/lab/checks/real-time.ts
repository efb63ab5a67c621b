import { nameOf } from '../operations/evidence.ts';
import type { Operation } from '../operations/operation.ts';
import type { Write } from '../operations/write.ts';
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
    for (let i = 0; i < writes.length; i++) {
      const place = (writes[i] as Write).placeOf(0);
      if (place !== 0 && place <= head) at[place] = i + 1;
    }
    let latest: Operation | undefined;
    for (let seq = 1; seq <= head; seq++) {
      if (at[seq] === 0) continue;
      const { operation } = writes[(at[seq] as number) - 1] as Write;
      if (latest !== undefined && operation.end < latest.start)
        fault(
          `${nameOf(operation)} was acknowledged before ${nameOf(latest)} began, and lies after it, as entry ${seq}`,
        );
      if (latest === undefined || operation.start > latest.start) latest = operation;
    }
  }),
};
