import { hostname } from 'node:os';
import { type Holder, lockStatus } from '../../index.ts';
import { writeHolder } from '../../lock/record.ts';
import { nodeStorage } from '../../storage/node.ts';

/** Another machine's process, since an hour from now: whoever believed it would wait for ever. */
function stranger(): Holder {
  return { pid: 1, host: `not-${hostname()}`.slice(0, 64), thread: 0, since: Date.now() + 3_600_000 };
}

/**
 * Writes into wal.lock that somebody else holds the lock of the log in a directory: by default, a process of another machine
 * that took it in the time to come. The log must have been opened for writing. Nothing may change by it, but what
 * `lockStatus` tells of the last holder. Throws what `lockStatus` throws.
 */
export function forgeOwner(directory: string, holder: Holder = stranger()): void {
  writeHolder(nodeStorage, lockStatus(directory).path, holder);
}
