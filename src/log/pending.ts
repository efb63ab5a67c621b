import { WalError, withOutcome } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Body } from '../format/entry.ts';

/** What an append answers. */
export interface AppendResult {
  /** The entry's number in the log; for a batch, its first entry's. */
  readonly seq: number;
  /** Milliseconds since the epoch, as recorded. */
  readonly ts: number;
  /** `sync`: it survives a power cut. `os`: it survives the process, and waits in the system's cache. */
  readonly durability: 'sync' | 'os';
  /** True where the key was in the log already, with the same content: nothing was written, and `seq` and `ts` are the first one's. */
  readonly duplicate?: true;
}

/** Where the log's head must be for an append. */
export interface Expectation {
  readonly seq: number;
  readonly crc?: string | undefined;
}

export function meets(head: Head, { seq, crc }: Expectation): boolean {
  return head.seq === seq && (crc === undefined || crc === head.crc);
}

/** What is before a decision in the write that is being made: it is decided as if that had landed. */
export interface Preceding {
  /** Another number each time that the write is made again. */
  readonly round: number;
  /** How many lines there are so far. */
  readonly count: number;
  /** The head that they leave. */
  readonly head: Head;
  /** Shows the i-th line, without its newline, until the call returns. */
  visitLine(i: number, to: (bytes: Buffer, start: number, end: number) => void): void;
}

/**
 * Decides, synchronously, what is appended at the head that `preceding` leaves: undefined for nothing. It is asked again
 * each time that the write is made again, and may throw: that rejects its own append only.
 */
export type Decide = (preceding: Preceding) => Body | undefined;

/** Thrown by a decision that cannot be taken before something was read; then it is asked again. */
export class RetryAfter {
  readonly until: Promise<unknown>;

  constructor(until: Promise<unknown>) {
    this.until = until;
  }
}

/** The body of an append that is not decided yet. */
export const UNDECIDED: Body = { text: '', bytes: 0, count: 0, ts: 0, key: undefined, sum: 0 };

/** What is to be appended, and on which terms. */
export interface Request {
  readonly body: Body;
  readonly expect?: Expectation | undefined;
  /** Makes the body in the write turn, in place of `body`. */
  readonly decide?: Decide | undefined;
  /** How often a decision may be overtaken before it is given up. Default: for ever. */
  readonly maxTries?: number | undefined;
  /** Takes the append back while it is not written. */
  readonly signal?: AbortSignal | undefined;
}

/** How an append ends: `resolve` is given undefined where it was decided to append nothing. */
export interface Ending {
  resolve(result: AppendResult | undefined): void;
  reject(error: unknown): void;
}

/** What an append holds beside its JSON: its promise, and what is known of it. A decision, and a signal, hold as much again. */
const APPEND_BYTES = 1024;

/** Bytes of memory that a body takes: a string that is not all ASCII may have two a character. */
export function weightOf({ text, bytes, key = '' }: Body): number {
  return (bytes === text.length ? bytes : 2 * text.length) + 2 * key.length;
}

/** An append on its way: queued, written, landed, settled. */
export class Pending {
  body: Body;
  /** Its place in the order of the calls. */
  readonly number: number;
  /** The identity of the append, kept however often it is written. */
  readonly writer: string;
  readonly expect: Expectation | undefined;
  readonly decide: Decide | undefined;
  readonly signal: AbortSignal | undefined;
  readonly end: Ending;
  /** Whether it is written as it is, wherever the log ends: no key, expectation or decision is in the way. */
  readonly isPlain: boolean;
  /** What it holds in memory until it is settled, in bytes. */
  weight: number;
  #triesLeft: number;
  /** Where its line ends in the group it was written with last. */
  endsAt = 0;
  /** Number and time to answer with, once landed. */
  seq = 0;
  ts: number;
  /** The tail's epoch in which it landed; undefined while it is not in the log that lies there now. */
  epoch: number | undefined = undefined;
  /** The lowest number under which it was in a log that lay there, or may have been. */
  lowestSeq = Infinity;
  duplicate = false;
  /** Whether it is in the queue: at first it is. */
  queued = true;
  /** It is in a group of which nobody knows yet what became of it. */
  writing = false;
  settled = false;

  constructor(request: Request, number: number, writer: string, end: Ending) {
    const { body, expect, decide, maxTries, signal } = request;
    this.body = body;
    this.number = number;
    this.writer = writer;
    this.expect = expect;
    this.decide = decide;
    this.signal = signal;
    this.ts = body.ts;
    this.end = end;
    this.isPlain = body.key === undefined && expect === undefined && decide === undefined;
    this.#triesLeft = maxTries ?? Infinity;
    const parts = 1 + (decide === undefined ? 0 : 1) + (signal === undefined ? 0 : 1);
    this.weight = parts * APPEND_BYTES + weightOf(body);
  }

  /** Somebody else's line came first. False where that was once too often. */
  overtaken(): boolean {
    return --this.#triesLeft > 0;
  }

  /** It was in the log once, or may have been: if it cannot be again, its outcome is unknown. */
  get everLanded(): boolean {
    return this.lowestSeq < Infinity;
  }

  /** It was written, and nobody can say whether it is in the log. */
  mayHaveLanded(): void {
    this.lowestSeq = Math.min(this.lowestSeq, this.seq);
  }

  /** The log was replaced: whether it is in the new one is not known yet. */
  unland(): void {
    this.epoch = undefined;
    this.duplicate = false;
    this.ts = this.body.ts;
  }

  /** Rejects with an error that says what became of this append; what a decision threw is passed on as it is. */
  reject(error: unknown): void {
    this.settled = true;
    const known = this.everLanded && error instanceof WalError;
    this.end.reject(known ? withOutcome(error, 'unknown') : error);
  }
}
