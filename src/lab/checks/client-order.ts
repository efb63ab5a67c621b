import type { Operation } from '../operations/operation.ts';
import { nameOf } from '../operations/run-evidence.ts';
import { type Check, telling } from './check.ts';

/** What a client called earlier, and was told is done, lies before what it called later: on each of its stores, where it has several open. */
export const clientOrder: Check = {
  name: "each client's appends are there in the order of its calls",
  examine: telling(({ writes }, fault) => {
    const { operations, outcomes, runOf, runs, stores } = writes;
    let before = -1;
    /** The last entry of the client's earlier processes, and, of the one at hand, that of each store. */
    let past = 0;
    let lasts: number[] = [];
    writes.forEachPlace((place, write) => {
      const run = runOf[write] as number;
      if (run !== before) {
        past = lasts.reduce((most, last) => Math.max(most, last), past);
        if (runs[run]?.client !== runs[before]?.client) past = 0;
        lasts = [];
        before = run;
      }
      const store = stores[write] as number;
      const last = lasts[store] ?? past;
      if (place < last)
        fault(
          `${nameOf(operations[write] as Operation)} is entry ${place}, before what the client appended earlier (entry ${last})`,
        );
      // What nobody knows of may have been done long after its call.
      else if (outcomes[write] !== 'unknown') lasts[store] = place;
    });
  }),
};
