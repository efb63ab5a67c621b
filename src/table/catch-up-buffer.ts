import type { Envelope } from '../format/line.ts';
import type { TailListener } from '../log/tail.ts';

/** A line that was heard, and the first seq of its segment. */
export interface BufferedLine {
  readonly line: Buffer;
  readonly segment: number;
  /** What was read of it; undefined of one that was written here. */
  readonly envelope: Envelope | undefined;
}

/** Keeps the lines that a tail tells of until somebody wants them. */
export class CatchUpBuffer implements TailListener {
  #lines: BufferedLine[] = [];
  #bytes = 0;
  #interrupted = false;
  #ignoring = false;
  readonly #full: () => void;
  readonly #most: number;

  /** `full` is called when there are more bytes than `most`. */
  constructor(most: number, full: () => void) {
    this.#most = most;
    this.#full = full;
  }

  line(bytes: Buffer, start: number, end: number, segment: number, envelope: Envelope | undefined): void {
    if (this.#interrupted || this.#ignoring) return;
    this.#lines.push({ line: Buffer.from(bytes.subarray(start, end)), segment, envelope });
    const before = this.#bytes;
    this.#bytes += end - start;
    if (this.#bytes > this.#most && before <= this.#most) this.#full();
  }

  interrupted(): void {
    this.#interrupted = true;
    this.#lines = [];
  }

  /** Keeps no more lines; of interruptions it still hears. */
  ignore(): void {
    this.#ignoring = true;
    this.#lines = [];
  }

  /** Whether lines are missing here that the tail has gone past. */
  get isInterrupted(): boolean {
    return this.#interrupted;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** The lines since last time. */
  take(): BufferedLine[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    return lines;
  }
}

/** A tail that catches up from further back than this tells lines that are better read again than kept. */
const MOST_HEARD = 4 * 1024 * 1024;

/** Keeps the last lines that a tail tells of, those that follow each other, while they are not too many. */
export class Heard implements TailListener {
  #lines: BufferedLine[] = [];
  #bytes = 0;

  /** Empty where there were too many. */
  get lines(): readonly BufferedLine[] {
    return this.#bytes > MOST_HEARD ? [] : this.#lines;
  }

  line(bytes: Buffer, start: number, end: number, segment: number, envelope: Envelope | undefined): void {
    this.#bytes += end - start;
    if (this.#bytes > MOST_HEARD) this.#lines = [];
    else this.#lines.push({ line: Buffer.from(bytes.subarray(start, end)), segment, envelope });
  }

  interrupted(): void {
    this.#lines = [];
    this.#bytes = 0;
  }
}
