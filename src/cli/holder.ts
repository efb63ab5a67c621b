import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Holder, hasCode } from '../errors/errors.ts';

/** Whether the process of a holder lives; undefined where it is not of this host. */
export function isAlive({ pid, host }: Holder): boolean | undefined {
  return hostname().startsWith(host) ? !isGone(pid) : undefined;
}

/** Whether no process of this machine has that number. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return !hasCode(error, 'EPERM');
  }
}

/** Whether a process of this machine is stopped, as by SIGSTOP or a debugger; false also where the system does not tell. */
export function isStopped(pid: number): boolean {
  try {
    return /^State:\s+[Tt]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
