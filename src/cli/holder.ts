import { hostname } from 'node:os';
import { type Holder, hasCode } from '../errors/errors.ts';

/** Whether the process of a holder lives; undefined where it is not of this host. */
export function isAlive({ pid, host }: Holder): boolean | undefined {
  if (!hostname().startsWith(host)) return undefined;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
