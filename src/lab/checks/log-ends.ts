import { nameOf } from '../operations/run-evidence.ts';
import { type Check, telling } from './check.ts';

/** Where readers, conflicts and looks at the head say that the log ended, it ended once: not within a batch, and with that crc. */
export const logEnds: Check = {
  name: 'wherever the log was said to end, it ended once',
  examine: telling(({ glimpses, conflictGlimpses, heads, head: last, end }, fault) => {
    if (end !== undefined && !heads.agrees(end))
      fault(
        `the log says that it ends at entry ${end.seq} with crc ${end.crc}, and that was ${heads.crcOf(end.seq)}`,
      );
    for (const { operation, there, notYet, crc: told } of [...glimpses, ...conflictGlimpses]) {
      if (notYet === Infinity) continue;
      // What is more than there is, another check tells of readers.
      if (there > last ? operation.saw === undefined : !heads.wasHead(there))
        fault(`${nameOf(operation)} says that the log ended at entry ${there}, where it never did`);
      else if (there <= last && told !== undefined && !heads.agrees({ seq: there, crc: told }))
        fault(
          `${nameOf(operation)} says that the log ended at entry ${there} with crc ${told}, and it was ${heads.crcOf(there)}`,
        );
    }
  }),
};
