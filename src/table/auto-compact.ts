import { messageOf } from '../errors/errors.ts';
import { boolean, integer, number, readOptions } from '../options/options.ts';
import type { CompactHost } from './compact.ts';

/** When a Wal compacts its log by itself. */
export interface AutoCompactOptions {
  /**
   * Lines after the newest snapshot, in bytes, for each byte of that snapshot: at 1, the log is compacted once there is as
   * much to read after the state as in it. More: less work, a longer log. 0.001 to 100; default 1.
   */
  readonly ratio?: number | undefined;
  /**
   * A log with fewer bytes of lines is left alone. It is looked at when a segment is full, so that less than the option `segmentBytes` is
   * refused. `segmentBytes` to 2^40; default 4 MiB, or `segmentBytes` where that is more.
   */
  readonly minBytes?: number | undefined;
  /** As of `compact`. Default 2. */
  readonly retain?: number | undefined;
}

export type AutoCompact = Required<{ [K in keyof AutoCompactOptions]: number }>;

/** Checks the option `autoCompact` of a Wal with such segments; undefined where it is off. */
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
 * Compacts a log in the background when there is much more in it than its state needs. Asked each time a segment is
 * sealed, by the Wal that sealed it. Of many processes one begins: the one whose segment made the log reach the threshold, or
 * twice that, should the first have died of it, and so on.
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
    // Not now: the turn is still going on, and others wait for it.
    this.#running ??= Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves once no compaction is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      if (!(await this.#isDue())) return;
      const { compact } = await import('./compact.ts');
      await compact(this.#host, { retain: this.#when.retain });
    } catch (error) {
      // Whoever appends has not asked for it, and can go on.
      if (this.#warned) return;
      this.#warned = true;
      this.#host.warn(`the log could not be compacted by itself, and grows on: ${messageOf(error)}`);
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
