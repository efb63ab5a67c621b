import type { Envelope } from '../format/line.ts';
import type { TailListener } from '../log/tail.ts';

/** A line that the tail reported, and the first seq of its segment. */
export interface BufferedLine {
  readonly line: Buffer;
  readonly segment: number;
  /** What was parsed of the line; undefined if this Wal wrote it. */
  readonly envelope: Envelope | undefined;
}

/** Keeps the lines that a tail reports until they are taken. */
export class CatchUpBuffer implements TailListener {
  #lines: BufferedLine[] = [];
  #bytes = 0;
  #interrupted = false;
  #ignoring = false;
  readonly #full: () => void;
  readonly #most: number;

  /** `full` is called when the buffer gets to hold more than `most` bytes. */
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

  /** Keeps no more lines, but still notes an interruption. */
  ignore(): void {
    this.#ignoring = true;
    this.#lines = [];
  }

  /** Whether the tail has gone past lines that are missing here. */
  get isInterrupted(): boolean {
    return this.#interrupted;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** The lines since the last call. */
  take(): BufferedLine[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    return lines;
  }
}

/** If a tail catches up from further back than this, its lines are better read again than kept. */
const MOST_RECENT_BYTES = 4 * 1024 * 1024;

/** Keeps the last lines that a tail reports, as far as they follow each other and are not too many. */
export class RecentLines implements TailListener {
  #lines: BufferedLine[] = [];
  #bytes = 0;

  /** Empty if there were too many. */
  get lines(): readonly BufferedLine[] {
    return this.#bytes > MOST_RECENT_BYTES ? [] : this.#lines;
  }

  line(bytes: Buffer, start: number, end: number, segment: number, envelope: Envelope | undefined): void {
    this.#bytes += end - start;
    if (this.#bytes > MOST_RECENT_BYTES) this.#lines = [];
    else this.#lines.push({ line: Buffer.from(bytes.subarray(start, end)), segment, envelope });
  }

  interrupted(): void {
    this.#lines = [];
    this.#bytes = 0;
  }
}
