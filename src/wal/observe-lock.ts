import { messageOf } from '../errors/errors.ts';
import type { GateObserver } from '../lock/gate.ts';
import type { Stats } from '../log/stats.ts';
import type { WalOptions } from '../setup/options.ts';
import type { Session } from './session.ts';

/** Counts what happens at the lock, writes it to the debug log, and passes waits on to the caller. */
export function observeLock(
  stats: Stats,
  { debug }: Session,
  onLockWait: WalOptions['onLockWait'],
): GateObserver {
  let warned = false;
  return {
    counts: stats,
    waiting: (waitedMs, holder) => {
      debug?.(`waiting for the lock for ${Math.round(waitedMs)} ms`);
      try {
        onLockWait?.(waitedMs, holder);
      } catch (error) {
        if (warned) return;
        warned = true;
        const message = `onLockWait threw (${messageOf(error)}); the append continues`;
        process.emitWarning(message, { code: 'WAL_LOCK_WAIT' });
      }
    },
    takenOver: (waitedMs, holder) => {
      const pid = holder?.pid ?? 'unknown';
      debug?.(`the lock was not free within ${Math.round(waitedMs)} ms (pid ${pid}): going on without it`);
    },
  };
}
