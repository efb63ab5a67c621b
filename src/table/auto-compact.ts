import { messageOf } from '../errors/errors.ts';
import { boolean, integer, number, readOptions } from '../options/options.ts';
import type { CompactHost } from './compact.ts';

/** When a Wal compacts its log by itself. */
export interface AutoCompactOptions {
  /**
   * Bytes of lines after the newest snapshot, per byte of that snapshot: at 1, the log is compacted once there is as much
   * to read after the state as in it. A larger ratio means less work and a longer log. 0.001 to 100; default 1.
   */
  readonly ratio?: number | undefined;
  /**
   * A log with fewer bytes of lines is not compacted. The log is looked at only when a segment is full, so a value below
   * the option `segmentBytes` is refused. `segmentBytes` to 2^40; default 4 MiB, or `segmentBytes` if that is more.
   */
  readonly minBytes?: number | undefined;
  /** As of `compact`. Default 2. */
  readonly retain?: number | undefined;
}

export type AutoCompact = Required<{ [K in keyof AutoCompactOptions]: number }>;

/** Checks the option `autoCompact` of a Wal with segments of that length; undefined if it is off. */
export function resolveAutoCompact(
  given: boolean | AutoCompactOptions,
  segmentBytes: number,
): AutoCompact | undefined {
  if (typeof given !== 'object' && !boolean('autoCompact', given)) return undefined;
  const {
    ratio = 1,
    minBytes,
    retain,
  } = readOptions(typeof given === 'object' ? given : {}, ['ratio', 'minBytes', 'retain']);
  return {
    ratio: number('autoCompact.ratio', ratio ?? 1, 0.001, 100),
    minBytes: integer(
      'autoCompact.minBytes (from segmentBytes on)',
      minBytes ?? Math.max(4 * 1024 * 1024, segmentBytes),
      segmentBytes,
      2 ** 40,
    ),
    retain: integer('autoCompact.retain', retain ?? 2, 1, 1000),
  };
}

export interface AutoCompactHost extends CompactHost {
  warn(message: string): void;
}

/**
 * Compacts a log in the background when it holds much more than its state needs. The Wal that seals a segment asks, each
 * time. Of many processes one begins: the one whose segment made the log reach the threshold; or, in case that one died,
 * the one whose segment reaches twice the threshold, and so on.
 */
export class AutoCompaction {
  readonly #host: AutoCompactHost;
  readonly #when: AutoCompact;
  #running: Promise<void> | undefined;
  #warned = false;

  constructor(host: AutoCompactHost, when: AutoCompact) {
    this.#host = host;
    this.#when = when;
  }

  /** This Wal has sealed a segment. */
  sealed(): void {
    // Not now: the write turn has not ended, and others wait for it.
    this.#running ??= Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves once no compaction is running. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      if (!(await this.#isDue())) return;
      const { compact } = await import('./compact.ts');
      await compact(this.#host, { retain: this.#when.retain });
    } catch (error) {
      // The caller of the append did not ask for a compaction, and can continue.
      if (this.#warned) return;
      this.#warned = true;
      this.#host.warn(`the automatic compaction failed, and the log keeps growing: ${messageOf(error)}`);
    }
  }

  async #isDue(): Promise<boolean> {
    const { store } = this.#host;
    const [newest] = await store.snapshots();
    const segments = store.files?.segmentSizes(newest?.head.seq ?? 0) ?? [];
    const threshold = Math.max(this.#when.minBytes, this.#when.ratio * (newest?.body.bytes ?? 0));
    const bytes = segments.reduce((sum, size) => sum + size, 0);
    const before = bytes - (segments.at(-1) ?? 0);
    return Math.floor(bytes / threshold) > Math.floor(before / threshold);
  }
}
