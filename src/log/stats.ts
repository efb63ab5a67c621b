import type { RecordableHistogram } from 'node:perf_hooks';

/** Times of one kind, in milliseconds. */
export interface Times {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  /** Undefined if there are fewer than 300 times. */
  readonly p99: number | undefined;
  readonly max: number;
}

/** What a Wal did since it was opened, or since its counters were last reset. */
export interface WalStats {
  /** Entries that this Wal appended. */
  readonly entries: number;
  /** Groups that it wrote or tried to write, each with one call of the operating system. */
  readonly batches: number;
  /**
   * Bytes of these groups that reached the log's files, including overtaken lines, seals, and parts that a full disk
   * took; excluding the bytes that end a torn line.
   */
  readonly bytes: number;
  /** Groups that other writers overtook, wholly or partly. */
  readonly retries: number;
  /** Lines of those groups that were written again. */
  readonly superseded: number;
  /**
   * How often the log was found to have been replaced, or rewritten in place, while the Wal was open (a checkout, a
   * restore, a log rotation): it was read again, and appending continued there. The option `onRewound` reports
   * acknowledged entries that are missing as a result.
   */
  readonly replacements: number;
  readonly lock: {
    /** Write turns taken. */
    readonly turns: number;
    /** Turns that had to wait for the lock. */
    readonly waits: number;
    /** waits / turns, from 0 to 1. */
    readonly contention: number;
    /** Waits that timed out and failed the append (a strict lock). */
    readonly timeouts: number;
    /** Waits that timed out, after which the writer continued without the lock. */
    readonly takeovers: number;
    readonly waitMs: Times;
    readonly holdMs: Times;
  };
  readonly syncMs: Times;
}

const MICROSECONDS = 1000;
/** With fewer times, the p99 would be one of the slowest by chance. */
const LEAST_FOR_P99 = 300;

class Timer {
  /** Times not yet in the histogram: noting one here costs an append far less than recording it there. */
  readonly #noted = new Float64Array(128);
  #count = 0;
  /**
   * The histogram takes 180 KB, and longer to make than a small log takes to open: it is made only when the buffer is
   * full or the times are read.
   */
  #histogram: RecordableHistogram | undefined;

  add(ms: number): void {
    if (this.#count === this.#noted.length) this.#record();
    this.#noted[this.#count++] = ms;
  }

  #record(): RecordableHistogram {
    this.#histogram ??= process
      .getBuiltinModule('node:perf_hooks')
      .createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });
    for (const ms of this.#noted.subarray(0, this.#count))
      this.#histogram.record(Math.max(1, Math.round(ms * MICROSECONDS)));
    this.#count = 0;
    return this.#histogram;
  }

  reset(): void {
    this.#count = 0;
    this.#histogram?.reset();
  }

  /** `none`: how many more times of 0 there were, which were not noted. */
  times(none = 0): Times {
    const h = this.#record();
    const all = h.count + none;
    if (all === 0) return { count: 0, min: 0, mean: 0, p50: 0, p99: undefined, max: 0 };
    const inMs = (us: number) => us / MICROSECONDS;
    const percentile = (share: number) => {
      const left = share * all - none;
      return left <= 0 ? 0 : inMs(h.percentile((100 * left) / h.count));
    };
    return {
      count: all,
      min: none > 0 ? 0 : inMs(h.min),
      mean: h.count === 0 ? 0 : (inMs(h.mean) * h.count) / all,
      p50: percentile(0.5),
      p99: all < LEAST_FOR_P99 ? undefined : percentile(0.99),
      max: h.count === 0 ? 0 : inMs(h.max),
    };
  }
}

/** Counts for `stats()`. */
export class Stats {
  entries = 0;
  batches = 0;
  bytes = 0;
  retries = 0;
  superseded = 0;
  replacements = 0;
  turns = 0;
  waits = 0;
  timeouts = 0;
  takeovers = 0;
  readonly waitMs = new Timer();
  readonly holdMs = new Timer();
  readonly syncMs = new Timer();

  reset(): void {
    this.entries = this.batches = this.bytes = this.retries = this.superseded = this.replacements = 0;
    this.turns = this.waits = this.timeouts = this.takeovers = 0;
    for (const timer of [this.waitMs, this.holdMs, this.syncMs]) timer.reset();
  }

  report(): WalStats {
    const { entries, batches, bytes, retries, superseded, replacements, turns, waits, timeouts, takeovers } =
      this;
    return {
      entries,
      batches,
      bytes,
      retries,
      superseded,
      replacements,
      lock: {
        turns,
        waits,
        contention: turns === 0 ? 0 : waits / turns,
        timeouts,
        takeovers,
        waitMs: this.waitMs.times(turns - waits),
        holdMs: this.holdMs.times(),
      },
      syncMs: this.syncMs.times(),
    };
  }
}
