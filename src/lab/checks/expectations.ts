import type { Operation } from '../operations/operation.ts';
import { nameOf } from '../operations/run-evidence.ts';
import { type Check, telling } from './check.ts';
import { shownTerms } from './shown-terms.ts';

/** Whatever was appended on a condition lies where that held: right after the head, or while its id was as it was expected. */
export const expectations: Check = {
  name: 'no append went through against what it expected',
  examine: telling(({ writes, heads, terms }, fault) => {
    for (const write of writes.expecting) {
      const operation = writes.operations[write] as Operation;
      const place = operation.duplicate ? 0 : writes.placeOf(write, 0);
      if (place === 0 || operation.outcome === 'refused') continue;
      const { expect } = operation;
      const isMet = terms.wereMet(operation, place - 1);
      // Where the crc is not known any more, who succeeded with one tells it.
      const told =
        isMet === undefined && expect?.seq !== undefined ? { seq: expect.seq, crc: expect.crc } : undefined;
      if (isMet === false || (told !== undefined && !heads.agrees(told)))
        fault(
          `${nameOf(operation)} expected ${shownTerms(operation)}, which did not hold, and is entry ${place}`,
        );
    }
  }),
};
