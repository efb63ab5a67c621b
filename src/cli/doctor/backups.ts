import type { VerifyReport } from '../../index.ts';
import { count } from '../words.ts';
import type { Check } from './check.ts';
import { copiesOf, copyBeyond, putBack, putText, restoreText } from './from-backups.ts';

/** Whether a backup holds entries that a log which is whole lacks at its end: nothing in the log itself tells of that. */
export async function checkBackups(directory: string, { head, entries }: VerifyReport): Promise<Check> {
  const name = 'backups';
  const further = await copyBeyond(directory, head.seq);
  if (further === undefined) {
    const copies = copiesOf(directory).length;
    const message =
      copies === 0
        ? 'none in its place for them'
        : `${count(copies, 'copy', 'copies')}, none goes further than the log`;
    return { name, state: 'ok', message };
  }
  const { copy, seq } = further;
  const message = `the log ends at entry ${head.seq}, and its backup ${copy} at entry ${seq}: its end was cut off or taken away, or an older one was put here or checked out`;
  const put = await putBack(directory, [], entries);
  return { name, state: 'warn', message, mend: put && put.seq > head.seq ? putText(put) : restoreText(copy) };
}
