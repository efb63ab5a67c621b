import { basename } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { segmentSeq, snapshotSeq } from '../format/names.ts';
import type { DirectoryWatch, FileLook, Storage } from '../storage/storage.ts';
import type { LogWatch } from '../store/store.ts';

/** How often a follower looks where the system need not tell of every change. */
const POLL_MS = 50;
/**
 * How often it looks if the system does: for what was missed, such as a replaced parent directory. In milliseconds.
 */
const SLOW_POLL_MS = 1000;

/**
 * Wakes all followers of a log when its directory changes. The system's notifications are requested while there are
 * any.
 */
export class Watching {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #wakers = new Set<() => void>();
  #watchers = 0;
  /** How many changes were reported. */
  #heard = 0;
  #watch: DirectoryWatch | undefined;
  /** The directory that is watched. */
  #watched: FileLook | undefined;
  /**
   * When it was last checked that the watched directory is the one at the path, in milliseconds of `Clock.elapsed`.
   */
  #lookedAt = 0;
  #closed = false;

  constructor(storage: Storage, clock: Clock, directory: string) {
    this.#storage = storage;
    this.#clock = clock;
    this.#directory = directory;
  }

  /** The first call of `changed` resolves at once: a change before the watch began was not reported. */
  watch(): LogWatch {
    if (this.#watchers++ === 0) this.#begin();
    let heard = -1;
    let isOpen = true;
    return {
      changed: async (signal) => {
        if (heard === this.#heard && !signal.aborted) await this.#wait(signal);
        heard = this.#heard;
      },
      close: () => {
        if (isOpen && --this.#watchers === 0) this.#end();
        isOpen = false;
      },
    };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#wakers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    await this.#clock.sleep(this.#watch?.tellsAll ? SLOW_POLL_MS : POLL_MS, woken.signal);
    signal.removeEventListener('abort', wake);
    this.#wakers.delete(wake);
    const isDue = this.#clock.elapsed() - this.#lookedAt > SLOW_POLL_MS - POLL_MS;
    if (isDue && !woken.signal.aborted) this.#renew();
  }

  #begin(): void {
    if (this.#closed) return;
    this.#lookedAt = this.#clock.elapsed();
    // Looked at before watching: if the directory is replaced in between, the next look finds that another one is
    // watched.
    this.#watched = this.#look();
    try {
      this.#watch = this.#storage.watch(
        this.#directory,
        (name) => this.#changed(name),
        () => {
          this.#end();
          this.#wake();
        },
      );
    } catch {
      // No watch is available, or the directory is missing: polling continues, and reading reports what is wrong.
    }
  }

  /** Watches the directory that is at the path now, unless it is watched already. */
  #renew(): void {
    if (this.#watchers === 0) return;
    const there = this.#look();
    this.#lookedAt = this.#clock.elapsed();
    const { device, inode } = this.#watched ?? {};
    if (this.#watch !== undefined && there?.inode === inode && there?.device === device) return;
    this.#end();
    this.#begin();
    this.#wake();
  }

  #look(): FileLook | undefined {
    try {
      return this.#storage.look(this.#directory);
    } catch {
      return undefined;
    }
  }

  /**
   * Changes of the lock and of the mark are ignored: they are written at every turn, and do not concern followers.
   */
  #changed(name: string | undefined): void {
    // The directory's own name means that the directory itself was moved or deleted.
    if (name === undefined || name === basename(this.#directory)) this.#renew();
    else if (segmentSeq(name) === undefined && snapshotSeq(name) === undefined) return;
    this.#wake();
  }

  #wake(): void {
    this.#heard++;
    for (const wake of this.#wakers) wake();
  }

  #end(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#end();
    this.#wake();
  }
}
