import { createHash } from 'node:crypto';

const SHORTEST = 4;

/**
 * A short id such as `bd-a3f8` for a new issue: the beginning of a hash over what sets the issue apart, lengthened
 * while another issue has it. Nobody hands ids out: of two agents that come to the same one at the same time, the log
 * lets one through, and the other, folding that in, finds its own taken and lengthens it.
 */
export function newId(title: string, now: number, nonce: string, isTaken: (id: string) => boolean): string {
  const hash = createHash('sha256').update(`${title}\n${now}\n${nonce}`).digest('hex');
  for (let length = SHORTEST; length <= hash.length; length++) {
    const id = `bd-${hash.slice(0, length)}`;
    if (!isTaken(id)) return id;
  }
  throw new Error('two issues have the same SHA-256 hash');
}
