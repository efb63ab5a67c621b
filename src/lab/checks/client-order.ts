import { nameOf } from '../operations/evidence.ts';
import type { Operation } from '../operations/operation.ts';
import { type Check, telling } from './check.ts';

/** What a client called earlier lies before what it called later: on each of its stores, where it has several open. */
export const clientOrder: Check = {
  name: "each client's appends are there in the order of its calls",
  examine: telling(({ writes }, fault) => {
    let before: Operation | undefined;
    /** The last entry of the client's earlier processes, and, of the one at hand, that of each store. */
    let past = 0;
    let lasts: number[] = [];
    for (const write of writes) {
      const { operation } = write;
      if (operation.client !== before?.client) past = 0;
      else if (operation.run !== before.run) past = lasts.reduce((most, last) => Math.max(most, last), past);
      if (operation.client !== before?.client || operation.run !== before.run) lasts = [];
      const { store = 0 } = operation;
      for (let i = 0; i < write.size; i++) {
        const place = write.placeOf(i);
        if (place === 0) continue;
        const last = lasts[store] ?? past;
        if (place < last)
          fault(
            `${nameOf(operation)} is entry ${place}, before what the client appended earlier (entry ${last})`,
          );
        else lasts[store] = place;
      }
      before = operation;
    }
  }),
};
