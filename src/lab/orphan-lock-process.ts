import { createLock } from '../index.ts';
import type { LockKind } from '../lock/record.ts';

/* Takes the lock of the log in a directory, and dies with it. */
const [directory, kind] = JSON.parse(process.argv[2] as string) as [string, LockKind];
if (!createLock(kind, directory).tryAcquire())
  throw new Error(`somebody holds the ${kind} lock in ${directory}`);
process.kill(process.pid, 'SIGKILL');
