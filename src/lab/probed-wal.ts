import { NEWLINE } from '../format/line.ts';
import { createLock, type Lock, Wal, type WalOptions } from '../index.ts';
import type { Probe } from './target.ts';
import { changedEnvironment, changedStorage } from './wrapped-storage.ts';

/** A Wal whose write turn a probe stands at. */
export interface ProbedWal {
  readonly wal: Wal;
  /** Tells the probe, after an append went well, if it did so without the lock. Of several at once, it may be another that did. */
  readonly appended: () => void;
}

/** Opens a log with its own lock and disk, and a probe at both. */
export async function openProbed(
  directory: string,
  { lock: kind, ...options }: WalOptions & { readonly lock: 'kernel' | 'lockfile' | 'none' },
  probe: Probe,
): Promise<ProbedWal> {
  const lock = new ProbedLock(createLock(kind, directory, options.staleMs), probe);
  const storage = changedStorage(
    {},
    {
      append: (file, pieces) => {
        probe.writing((share) => {
          // Of its first line: what follows may be a seal, without which that line would be whole.
          const group = pieces.at(-1) as Buffer;
          const line = group.indexOf(NEWLINE) + 1;
          file.append([...pieces.slice(0, -1), group.subarray(0, Math.floor(line * share))]);
        });
        return file.append(pieces);
      },
      sync: async (file) => {
        probe.syncing();
        await file.sync();
      },
      syncNow: (file) => {
        probe.syncing();
        file.syncNow();
      },
    },
  );
  const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { ...options, lock });
  return { wal, appended: () => lock.appended() };
}

class ProbedLock implements Lock {
  readonly kind: string;
  readonly #lock: Lock;
  readonly #probe: Probe;
  #waiting = false;

  constructor(lock: Lock, probe: Probe) {
    this.kind = lock.kind;
    this.#lock = lock;
    this.#probe = probe;
  }

  tryAcquire(): boolean {
    if (!this.#waiting) this.#probe.asked();
    this.#waiting = true;
    if (!this.#lock.tryAcquire()) return false;
    this.#waiting = false;
    try {
      this.#probe.taken();
    } catch (error) {
      this.release();
      throw error;
    }
    return true;
  }

  release(): void {
    this.#probe.left();
    this.#lock.release();
  }

  close(): void {
    this.#lock.close();
  }

  /** Whoever still waits for the lock when its append is done went on without. */
  appended(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#probe.bypassed();
  }
}
