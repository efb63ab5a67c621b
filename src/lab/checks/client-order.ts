import { nameOf } from '../operations/evidence.ts';
import type { Operation } from '../operations/operation.ts';
import type { Check } from './check.ts';

/** What a client called earlier lies before what it called later. */
export const clientOrder: Check = {
  name: "each client's appends are there in the order of its calls",
  *examine({ writes }) {
    let before: Operation | undefined;
    let last = 0;
    for (const write of writes) {
      const { operation } = write;
      if (operation.client !== before?.client) last = 0;
      for (let i = 0; i < write.size; i++) {
        const place = write.placeOf(i);
        if (place === 0) continue;
        if (place < last)
          yield `${nameOf(operation)} is entry ${place}, before what the client appended earlier (entry ${last})`;
        else last = place;
      }
      before = operation;
    }
  },
};
