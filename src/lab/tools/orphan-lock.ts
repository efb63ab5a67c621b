import { lockStatus } from '../../index.ts';
import { badArgument } from '../../options/options.ts';
import { Child } from '../child.ts';

/**
 * Leaves the lock of the log in a directory as a process leaves it that takes it and is killed: a kernel lock is free at once,
 * a lockfile lies there until it is stale. The log must have been opened for writing, and the lock be free. Rejects with
 * ERR_WAL_ARGUMENT where there is no lock, or somebody holds it; and with what `lockStatus` throws.
 */
export async function orphanLock(directory: string): Promise<void> {
  const { kind } = lockStatus(directory);
  if (kind === undefined)
    throw badArgument(`The log in ${directory} has no lock yet: open it for writing first`);
  const ending = await new Child('orphan-lock-process', [directory, kind], { keepStderr: true }).ended;
  if (ending !== 'SIGKILL')
    throw badArgument(`The ${kind} lock in ${directory} could not be taken: it is held`);
}
