import { WalError, withOutcome } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Body } from '../format/entry.ts';

/** The result of an append. */
export interface AppendResult {
  /** The entry's number in the log; for a batch, that of its first entry. */
  readonly seq: number;
  /** The recorded time, in milliseconds since the epoch. */
  readonly ts: number;
  /**
   * `sync`: the entry survives a power cut. `os`: it survives the death of the process, and may be only in the
   * system's cache.
   */
  readonly durability: 'sync' | 'os';
  /**
   * True if the key was already in the log with the same content: nothing was written, and `seq` and `ts` are those
   * of the first append.
   */
  readonly duplicate?: true;
}

/** The head that the log must have for an append. */
export interface Expectation {
  readonly seq: number;
  readonly crc?: string | undefined;
}

export function meets(head: Head, { seq, crc }: Expectation): boolean {
  return head.seq === seq && (crc === undefined || crc === head.crc);
}

/** The lines before a decision in the write being built: the decision is made as if they had landed. */
export interface Preceding {
  /** Changes each time the write is built again. */
  readonly round: number;
  /** How many lines there are so far. */
  readonly count: number;
  /** The head after those lines. */
  readonly head: Head;
  /** Shows line `i`, without its newline, until the call returns. */
  visitLine(i: number, to: (bytes: Buffer, start: number, end: number) => void): void;
}

/**
 * Decides, synchronously, what is appended after the head of `preceding`: undefined for nothing. It is called again
 * each time the write is built again. If it throws, only its own append is rejected.
 */
export type Decide = (preceding: Preceding) => Body | undefined;

/**
 * Thrown by a decision that needs something to be read first; the decision is called again once `until` has settled.
 */
export class RetryAfter {
  readonly until: Promise<unknown>;

  constructor(until: Promise<unknown>) {
    this.until = until;
  }
}

/** The body of an append that is not decided yet. */
export const UNDECIDED: Body = { text: '', bytes: 0, count: 0, ts: 0, key: undefined, sum: 0 };

/** What to append, and under which conditions. */
export interface Request {
  readonly body: Body;
  readonly expect?: Expectation | undefined;
  /** Makes the body in the write turn, in place of `body`. */
  readonly decide?: Decide | undefined;
  /** How many tries a decision gets before the append is rejected. Default: no limit. */
  readonly maxTries?: number | undefined;
  /** Cancels the append as long as it has not been written. */
  readonly signal?: AbortSignal | undefined;
}

/** Settles an append; `resolve` is given undefined if the decision was to append nothing. */
export interface Ending {
  resolve(result: AppendResult | undefined): void;
  reject(error: unknown): void;
}

/**
 * Memory that an append holds beside its JSON, in bytes: its promise and its state. A decision, and a signal, add as
 * much again each.
 */
const APPEND_BYTES = 1024;

/** Bytes of memory that a body takes: a string that is not all ASCII may take two bytes per character. */
export function weightOf({ text, bytes, key = '' }: Body): number {
  return (bytes === text.length ? bytes : 2 * text.length) + 2 * key.length;
}

/** An unsettled append: queued, written, landed, then settled. */
export class Pending {
  body: Body;
  /** Its position in the order of calls. */
  readonly number: number;
  /** The identity of the append, the same however often it is written. */
  readonly writer: string;
  readonly expect: Expectation | undefined;
  readonly decide: Decide | undefined;
  readonly signal: AbortSignal | undefined;
  readonly end: Ending;
  /** Whether it is written as it is, wherever the log ends: it has no key, expectation or decision. */
  readonly isPlain: boolean;
  /** Bytes of memory that it holds until it is settled. */
  weight: number;
  #triesLeft: number;
  /** Where its line ends in the last group that it was written with. */
  endsAt = 0;
  /** Number and time to resolve with, once landed. */
  seq = 0;
  ts: number;
  /** The tail's epoch in which it landed; undefined while it is not in the present log. */
  epoch: number | undefined = undefined;
  /** The lowest number that it had, or may have had, in any log that was at this place. */
  lowestSeq = Infinity;
  duplicate = false;
  /** Whether it is in the queue; initially it is. */
  queued = true;
  /** Whether it is in a group whose outcome is not known yet. */
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

  /** Another writer's line came first. False if no tries are left. */
  overtaken(): boolean {
    return --this.#triesLeft > 0;
  }

  /**
   * Whether it was in the log at some time, or may have been: if it cannot be appended again, its outcome is unknown.
   */
  get everLanded(): boolean {
    return this.lowestSeq < Infinity;
  }

  /** It was written, and whether it is in the log is unknown. */
  mayHaveLanded(): void {
    this.lowestSeq = Math.min(this.lowestSeq, this.seq);
  }

  /** The log was replaced: whether the append is in the new one is not known yet. */
  unland(): void {
    this.epoch = undefined;
    this.duplicate = false;
    this.ts = this.body.ts;
  }

  /**
   * Rejects with an error that carries the outcome of this append; an error thrown by a decision is passed on
   * unchanged.
   */
  reject(error: unknown): void {
    this.settled = true;
    const known = this.everLanded && error instanceof WalError;
    this.end.reject(known ? withOutcome(error, 'unknown') : error);
  }
}
