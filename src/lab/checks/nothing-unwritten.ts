import { nameOf } from '../operations/evidence.ts';
import { hasSum } from '../operations/sum.ts';
import type { Found } from '../target.ts';
import { type Check, telling } from './check.ts';

/** Nothing is there that nobody wrote, that was refused, or that is not as it was written. */
export const nothingUnwritten: Check = {
  name: 'no record is there that nobody wrote',
  examine: telling(({ found, entries, writes }, fault) => {
    for (let i = 0; i < found.length; i++) {
      const { seq, op, id, data } = found[i] as Found;
      const operation = writes.operations[entries.writes[i] as number];
      if (operation === undefined) {
        fault(`nobody wrote entry ${seq} (${op} ${id}, by ${entries.bys[i] ?? 'no client'})`);
        continue;
      }
      const entry = operation.entries[entries.parts[i] as number];
      if (operation.outcome === 'refused')
        fault(`${nameOf(operation)} was refused (${operation.reason}), and is entry ${seq}`);
      else if (entry === undefined) {
        if (operation.outcome === 'acknowledged')
          fault(`${nameOf(operation)} wrote fewer entries than there are: entry ${seq}`);
      } else if (entry.op !== op || entry.id !== id || !hasSum(data, entry.sum))
        fault(`entry ${seq} is not as ${nameOf(operation)} wrote it`);
    }
  }),
};
