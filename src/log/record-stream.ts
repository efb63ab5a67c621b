import type { LogRecord } from '../format/record.ts';

type Step = IteratorResult<LogRecord, void>;

const done = (): Step => ({ done: true, value: undefined });

/**
 * Hands out the records of pieces one by one, as an async generator does: calls are answered in order, and after an
 * error or `return` there are no more. A record that is already there costs one promise; yielding it from a generator
 * would cost three.
 */
export class RecordStream implements AsyncGenerator<LogRecord, void, undefined> {
  readonly #pieces: AsyncGenerator<readonly LogRecord[], void, undefined>;
  /** Once it aborts, no more records are handed out. */
  readonly #signal: AbortSignal | undefined;
  #piece: readonly LogRecord[] = [];
  #at = 0;
  /** The last call that is still pending. */
  #waiting: Promise<unknown> | undefined;

  constructor(
    pieces: AsyncGenerator<readonly LogRecord[], void, undefined>,
    signal: AbortSignal | undefined,
  ) {
    this.#pieces = pieces;
    this.#signal = signal;
  }

  next(): Promise<Step> {
    if (this.#waiting !== undefined || this.#at >= this.#piece.length || this.#signal?.aborted)
      return this.#inTurn(() => this.#pull());
    return Promise.resolve({ done: false, value: this.#piece[this.#at++] as LogRecord });
  }

  async #pull(): Promise<Step> {
    for (;;) {
      if (this.#signal?.aborted) return this.#end();
      const value = this.#piece[this.#at++];
      if (value !== undefined) return { done: false, value };
      const piece = await this.#pieces.next();
      if (piece.done) return done();
      this.#piece = piece.value;
      this.#at = 0;
    }
  }

  return(): Promise<Step> {
    return this.#inTurn(() => this.#end());
  }

  throw(error: unknown): Promise<Step> {
    return this.#inTurn(async () => {
      await this.#end();
      throw error;
    });
  }

  async #end(): Promise<Step> {
    this.#piece = [];
    await this.#pieces.return();
    return done();
  }

  #inTurn(call: () => Promise<Step>): Promise<Step> {
    const answer = this.#waiting === undefined ? call() : this.#waiting.then(call, call);
    this.#waiting = answer;
    const end = () => {
      if (this.#waiting === answer) this.#waiting = undefined;
    };
    answer.then(end, end);
    return answer;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
