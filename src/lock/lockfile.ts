import { createRequire } from 'node:module';
import type * as ProperLockfile from 'proper-lockfile';
import { inMachineTime, machineNow, systemClock } from '../clock/clock.ts';
import { hasCode } from '../errors/errors.ts';
import { lockfileFileSystem } from '../storage/node.ts';
import type { Storage } from '../storage/storage.ts';
import type { Lock } from './lock.ts';

/** The shortest stale time that proper-lockfile accepts. */
export const LEAST_STALE_MS = 2000;

/**
 * proper-lockfile's lock: a directory beside `path`, which the next writer removes once it is `staleMs` old.
 * It works where the kernel's locks do not. It is a hundred times slower, and two writers may hold it after a
 * stale one is reclaimed (issue 121 there), which costs retries and nothing else.
 */
export function lockfileLock(storage: Storage, path: string, staleMs: number): Lock {
  const lockfile = load();
  const held = lockfilePath(path);
  const ahead = new AheadOfTime(staleMs);
  const options = {
    fs: lockfileFileSystem,
    lockfilePath: held,
    stale: staleMs,
    realpath: false,
    // The default throws from a timer and ends the process. The chain detects a broken lock where it matters.
    onCompromised: () => {},
  };
  return {
    kind: 'lockfile',
    tryAcquire: () => {
      for (let first = true; ; first = false) {
        try {
          // proper-lockfile refuses by way of several errors, which cost more than a turn takes.
          const made = storage.look(held)?.modifiedMs;
          const isFresh = made !== undefined && made > machineNow() - staleMs;
          if (isFresh && !ahead.isStale(made)) return false;
          if (isFresh) storage.removeDirectory(held);
          inMachineTime(() => lockfile.lockSync(path, options));
          return true;
        } catch (error) {
          // Something else is there that it cannot remove: treated as a held lock, so that the wait times
          // out.
          if (hasCode(error, 'ELOCKED', 'ENOTDIR', 'ENOTEMPTY', 'ELOOP')) return false;
          if (!hasCode(error, 'ENOENT')) throw error;
          // A holder that was taken for dead has resumed and, in releasing its lock, removed the directory
          // just made. Or the log's directory is missing.
          if (!first) return false;
        }
      }
    },
    release: () => {
      try {
        lockfile.unlockSync(path, options);
      } catch (error) {
        if (!hasCode(error, 'ENOTACQUIRED', 'ERELEASED')) throw error;
      }
    },
    close: () => {},
  };
}

/**
 * Decides whether the holder of a lock dated in the future, as after the clock was set back, is dead: a
 * living holder renews the date before the lock becomes stale.
 */
class AheadOfTime {
  readonly #staleMs: number;
  #made = 0;
  #since = 0;

  constructor(staleMs: number) {
    this.#staleMs = staleMs;
  }

  /** Whether the date, which is not old, is ahead of the clock and has not changed for `staleMs`. */
  isStale(made: number): boolean {
    if (made <= machineNow()) return false;
    const now = systemClock.elapsed();
    if (made !== this.#made) {
      this.#made = made;
      this.#since = now;
    }
    return now - this.#since >= this.#staleMs;
  }
}

/**
 * Loaded on first use: it hooks the exit of the process, and every module costs a short-lived process time.
 */
function load(): typeof ProperLockfile {
  const lockfile = createRequire(import.meta.url)('proper-lockfile') as typeof ProperLockfile;
  keepAliveAtFileLimit();
  return lockfile;
}

let isKeptAlive = false;

/**
 * At a file-size limit the system sends SIGXFSZ. Node ignores it, so that the write fails with EFBIG. But the
 * exit hook of proper-lockfile listens for that signal and ends the process, unless another listener exists.
 */
function keepAliveAtFileLimit(): void {
  if (isKeptAlive) return;
  isKeptAlive = true;
  process.on('SIGXFSZ', () => {});
}

/** Whether the lock is held now; a holder that has not renewed it for `staleMs` does not count. */
export function lockfileIsHeld(path: string, staleMs: number): boolean {
  const options = { lockfilePath: lockfilePath(path), stale: staleMs, realpath: false };
  return inMachineTime(() => load().checkSync(path, options));
}

/** The directory that exists while the lock is held. */
export function lockfilePath(path: string): string {
  return `${path}.held`;
}
