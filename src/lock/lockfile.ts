import { createRequire } from 'node:module';
import type * as ProperLockfile from 'proper-lockfile';
import { inMachineTime, machineNow, systemClock } from '../clock/clock.ts';
import { hasCode } from '../errors/errors.ts';
import { lockfileFileSystem } from '../storage/node.ts';
import type { Storage } from '../storage/storage.ts';
import type { Lock } from './lock.ts';

/** proper-lockfile takes no shorter time for stale. */
export const LEAST_STALE_MS = 2000;

/**
 * proper-lockfile's lock: a directory beside `path`, which the next one in takes away once it is `staleMs` old.
 * Portable to where the kernel's locks are not; a hundred times slower, and two may hold it after a stale one is
 * reclaimed (issue 121 there), which costs retries and nothing else.
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
    // Its default throws from a timer and takes the process with it. The chain notices what matters.
    onCompromised: () => {},
  };
  return {
    kind: 'lockfile',
    tryAcquire: () => {
      for (let first = true; ; first = false) {
        try {
          // Its own refusal throws several errors, which costs more than a turn takes.
          const made = storage.look(held)?.modifiedMs;
          const isFresh = made !== undefined && made > machineNow() - staleMs;
          if (isFresh && !ahead.isStale(made)) return false;
          if (isFresh) storage.removeDirectory(held);
          inMachineTime(() => lockfile.lockSync(path, options));
          return true;
        } catch (error) {
          // Something else lies there that it cannot take away: it is held, as it were, and the wait runs out.
          if (hasCode(error, 'ELOCKED', 'ENOTDIR', 'ENOTEMPTY', 'ELOOP')) return false;
          if (!hasCode(error, 'ENOENT')) throw error;
          // A holder thought dead woke, and in giving back its lock took away the one just made. Or the directory is away.
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
 * Tells of a lock that is dated in the future, as after the clock was set back, whether its holder is dead: a living one dates
 * it again before it gets stale.
 */
class AheadOfTime {
  readonly #staleMs: number;
  #made = 0;
  #since = 0;

  constructor(staleMs: number) {
    this.#staleMs = staleMs;
  }

  /** Whether the date, which is not old, is ahead of the clock and has been the same for as long as a lock lasts. */
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

/** Loaded when it is used: it hooks the process's exit, and short-lived processes pay for each module. */
function load(): typeof ProperLockfile {
  const lockfile = createRequire(import.meta.url)('proper-lockfile') as typeof ProperLockfile;
  keepAliveAtFileLimit();
  return lockfile;
}

let isKeptAlive = false;

/**
 * At a file-size limit the system sends SIGXFSZ, which Node ignores, so that the write fails with EFBIG. What proper-lockfile
 * hooks the exit with listens to it, and ends the process, unless somebody else listens too.
 */
function keepAliveAtFileLimit(): void {
  if (isKeptAlive) return;
  isKeptAlive = true;
  process.on('SIGXFSZ', () => {});
}

/** Whether somebody holds the lock now; one who has not touched it for `staleMs` does not. */
export function lockfileIsHeld(path: string, staleMs: number): boolean {
  const options = { lockfilePath: lockfilePath(path), stale: staleMs, realpath: false };
  return inMachineTime(() => load().checkSync(path, options));
}

/** The directory that stands for the lock while it is held. */
export function lockfilePath(path: string): string {
  return `${path}.held`;
}
