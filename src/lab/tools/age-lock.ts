import { existsSync, utimesSync } from 'node:fs';
import { lockStatus } from '../../index.ts';

const HOUR_MS = 3_600_000;

/**
 * Makes a lockfile lock look as if its holder had not been heard of for so long (milliseconds; default an hour): it is stale at
 * once, so that a test need not wait for `staleMs`, whose least is 2,000. Answers whether there was one: a kernel lock has no age, and who holds it,
 * holds it. Throws what `lockStatus` throws.
 */
export function ageLock(directory: string, ms: number = HOUR_MS): boolean {
  const { heldPath } = lockStatus(directory);
  if (!existsSync(heldPath)) return false;
  const then = new Date(Date.now() - ms);
  utimesSync(heldPath, then, then);
  return true;
}
