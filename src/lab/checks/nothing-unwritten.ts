import type { Operation } from '../operations/operation.ts';
import { nameOf } from '../operations/run-evidence.ts';
import type { Found } from '../target.ts';
import { type Check, telling } from './check.ts';

/** Nothing is there that nobody wrote, that was refused, or that is not as it was written. */
export const nothingUnwritten: Check = {
  name: 'no record is there that nobody wrote',
  examine: telling(({ found, entries, writes }, fault) => {
    for (let i = 0; i < entries.count; i++) {
      const write = entries.writes[i] as number;
      if (write === -1) {
        const { seq, op, id } = found[i] as Found;
        fault(`nobody wrote entry ${seq} (${op} ${id}, by ${entries.bys[i] ?? 'no client'})`);
        continue;
      }
      const outcome = writes.outcomes[write];
      const sum = writes.sumAt(write, entries.parts[i] as number);
      if (outcome === 'acknowledged' && sum === entries.sums[i]) continue;
      const operation = writes.operations[write] as Operation;
      const seq = entries.seqs[i];
      if (outcome === 'refused')
        fault(`${nameOf(operation)} was refused (${operation.reason}), and is entry ${seq}`);
      else if (sum !== undefined && sum !== entries.sums[i])
        fault(`entry ${seq} is not as ${nameOf(operation)} wrote it`);
      else if (sum === undefined && outcome === 'acknowledged')
        fault(`${nameOf(operation)} wrote fewer entries than there are: entry ${seq}`);
    }
  }),
};
