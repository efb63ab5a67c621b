import { WalError, withOutcome } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Body } from '../format/entry.ts';
import type { Decide } from './decision.ts';

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

/** How an append ends. */
export interface Ending {
  /** Undefined where it was decided to append nothing. */
  resolve(result: AppendResult | undefined): void;
  reject(error: unknown): void;
}

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
  readonly #end: Ending;
  #triesLeft: number;
  /** Where its line ends in the group it was written with last. */
  end = 0;
  /** Number and time to answer with, once landed. */
  seq = 0;
  ts: number;
  /** The tail's epoch in which it landed; undefined while it is not in the log that lies there now. */
  epoch: number | undefined = undefined;
  /** The lowest number under which it was in a log that lay there, or may have been. */
  #lowestSeq = Infinity;
  duplicate = false;
  /** Whether it is in the queue. */
  queued = false;
  /** It is in a group whose outcome was not heard yet. */
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
    this.#end = end;
    this.#triesLeft = maxTries ?? Infinity;
  }

  /** What it was decided to be, this time. */
  decided(body: Body): void {
    this.body = body;
    this.ts = body.ts;
  }

  /** Somebody else's line came first. False where that was once too often. */
  overtaken(): boolean {
    return --this.#triesLeft > 0;
  }

  landed(seq: number, epoch: number): void {
    this.seq = seq;
    this.epoch = epoch;
    this.mayHaveLanded();
  }

  /** It was written, and nobody can say whether it is in the log. */
  mayHaveLanded(): void {
    this.#lowestSeq = Math.min(this.#lowestSeq, this.seq);
  }

  /** It was in the log once, or may have been: if it cannot be again, its outcome is unknown. */
  get everLanded(): boolean {
    return this.#lowestSeq < Infinity;
  }

  /** Whether it is surely in no log, and on no way there. */
  get isUnwritten(): boolean {
    return !this.everLanded && !this.writing;
  }

  /** Whether it may be before that number in a log that lay there once, and may lie there again. */
  mayBeBefore(seq: number): boolean {
    return this.#lowestSeq < seq;
  }

  /** The log was replaced: whether it is in the new one is not known yet. */
  unland(): void {
    this.epoch = undefined;
    this.duplicate = false;
    this.ts = this.body.ts;
  }

  resolve(durability: 'sync' | 'os'): void {
    const { seq, ts } = this;
    this.settled = true;
    this.#end.resolve(this.duplicate ? { seq, ts, durability, duplicate: true } : { seq, ts, durability });
  }

  /** Nothing is to be appended. */
  resolveEmpty(): void {
    this.settled = true;
    this.#end.resolve(undefined);
  }

  /** Rejects with an error that says what became of this append; what a decision threw is passed on as it is. */
  reject(error: unknown): void {
    this.settled = true;
    const known = this.everLanded && error instanceof WalError;
    this.#end.reject(known ? withOutcome(error, 'unknown') : error);
  }
}
