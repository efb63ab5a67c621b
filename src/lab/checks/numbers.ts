import type { Operation } from '../operations/operation.ts';
import { nameOf } from '../operations/run-evidence.ts';
import { type Check, telling } from './check.ts';

/**
 * Every number was given to one entry, from 1 to the last: which tells of what was compacted away, too. Where nobody
 * knows what became of an operation, its entries may have taken numbers that were.
 */
export const numbers: Check = {
  name: 'every number was given once, and none is missing',
  examine: telling(({ writes, entries, oldest, head }, fault) => {
    const { seqs } = entries;
    const gap = seqs.findIndex((seq, i) => seq !== oldest + i);
    if (gap !== -1) fault(`after entry ${seqs[gap - 1]} comes entry ${seqs[gap]}`);
    const taken = new Uint8Array(head + 1);
    let untold = 0;
    for (let write = 0; write < writes.count; write++) {
      const outcome = writes.outcomes[write];
      const size = writes.sizeOf(write);
      const seq = writes.seqs[write];
      if (outcome === 'acknowledged' && seq !== undefined) {
        if (size > 0 && seq < 1)
          fault(
            `${nameOf(writes.operations[write] as Operation)} was acknowledged as entry ${seq}, and the first entry is 1`,
          );
      } else if (outcome !== 'refused')
        for (let i = 0; i < size; i++) if (writes.foundAt(write, i) === 0) untold++;
      // A transaction that was never answered has no entries, and may have written any number of them.
      if (outcome === 'unknown' && size === 0) untold = Infinity;
    }
    writes.forEachPlace((place) => {
      if (place > head) fault(`entry ${place} was acknowledged, and the last there is is ${head}`);
      else if (place > 0 && taken[place] !== 0) fault(`entry ${place} was acknowledged twice`);
      else taken[place] = 1;
    });
    let vacant = 0;
    for (let seq = 1; seq < oldest; seq++) if (taken[seq] === 0) vacant++;
    if (vacant > untold)
      fault(
        `${vacant} of the ${oldest - 1} entries that were compacted away are nobody's, and ${untold} may be unknown`,
      );
  }),
};
