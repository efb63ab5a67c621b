import type { Clock } from '../clock/clock.ts';
import { YieldBudget } from '../clock/yield-budget.ts';
import { hasCode } from '../errors/errors.ts';
import type { LogRecord } from '../format/record.ts';
import type { LineReader, LineStore, Progress } from '../store/store.ts';
import { RecordFeed, type RecordRange } from './record-feed.ts';

/** How a log is followed as it grows. */
export interface Following {
  readonly signal: AbortSignal;
  /** Whether to deliver only records that survive a crash. */
  readonly durable: boolean;
}

/** The present log is not the one that was read. */
export class Replaced extends Error {}

/** How long a follower waits for a damaged end to become whole, in milliseconds. */
const DOUBT_MS = 1000;

/** Reads the records of a range, piece by piece, to the end of the log; a follower continues from there. */
export class Reading {
  readonly #clock: Clock;
  readonly #reader: LineReader;
  readonly #budget: YieldBudget;
  readonly feed: RecordFeed;
  /** How it continues at the end; undefined if it stops there. */
  following: Following | undefined;
  #progress: Progress = 'more';
  #doubted = false;

  constructor(
    store: LineStore,
    clock: Clock,
    range: RecordRange,
    settledBy: number,
    following: Following | undefined,
  ) {
    this.#clock = clock;
    this.feed = new RecordFeed(range, false, settledBy);
    this.#reader = store.reader(range.cursor?.seq || range.first, following !== undefined);
    this.#budget = new YieldBudget(clock);
    this.following = following;
  }

  /** Whether there was more at the last read. */
  get hasMore(): boolean {
    return this.#progress === 'more';
  }

  /** The next records; undefined at the present end of the log, after which the next call looks for more. */
  async next(): Promise<LogRecord[] | undefined> {
    const { feed } = this;
    for (;;) {
      if (feed.failure !== undefined) throw feed.failure;
      if (this.#progress === 'end') {
        this.#progress = 'more';
        if (feed.doubt === undefined) {
          this.#doubted = false;
          return undefined;
        }
        // A damaged end may be a line still being written: it is read twice before it is reported.
        if (this.#doubted) throw feed.doubt;
        this.#doubted = true;
        if (this.following) await this.#clock.sleep(DOUBT_MS, this.following.signal);
      }
      if (this.#budget.leftMs() <= 0) await this.#budget.end();
      this.#progress = await this.#readOn();
      if (this.#progress === 'replaced') throw new Replaced();
      const records = feed.take();
      const last = records.at(-1);
      if (last === undefined) continue;
      if (this.following?.durable && last.seq > feed.synced) await this.#reader.sync();
      return records;
    }
  }

  /** If the end is damaged, that is why the segment does not lead on, and is the error to report. */
  async #readOn(): Promise<Progress> {
    try {
      return await this.#reader.read(this.feed);
    } catch (error) {
      throw hasCode(error, 'ERR_WAL_DIVERGED') ? (this.feed.doubt ?? error) : error;
    }
  }

  close(): void {
    this.#reader.close();
  }
}
