import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { hasCode } from '../../errors/errors.ts';
import { lockStatus } from '../../index.ts';

/**
 * What is inconsistent in the lock of the log in a directory, while nobody uses the log: it is held; a lockfile lies there,
 * stale, or beside a kernel lock; or the last holder is said to have taken it in the time to come. One sentence each, none where all is well.
 * Throws what `lockStatus` throws.
 */
export function lockFaults(directory: string): string[] {
  const { kind, held, holder, heldPath } = lockStatus(directory);
  const faults: string[] = [];
  const left = existsSync(heldPath);
  if (held === true) faults.push(`the ${kind} lock is held${holder ? `, last by ${nameOf(holder)}` : ''}`);
  else if (left && kind === 'lockfile') faults.push(`${heldPath} is left behind, and stale`);
  if (left && kind !== 'lockfile') faults.push(`${heldPath} is there, though the log has the ${kind} lock`);
  if (holder !== undefined && holder.since > Date.now() + SKEW_MS)
    faults.push(
      `${nameOf(holder)} is said to have taken the lock at ${new Date(holder.since).toISOString()}`,
    );
  return faults;
}

/** A clock may have been set back a little. */
const SKEW_MS = 60_000;

function nameOf({ pid, host }: { readonly pid: number; readonly host: string }): string {
  if (host !== hostname().slice(0, 64)) return `process ${pid} on ${host}`;
  return isAlive(pid) ? `process ${pid}, which is alive` : `process ${pid}, which is gone`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
