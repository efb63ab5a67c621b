import { WalError } from '../errors/errors.ts';
import type { Request } from './pending.ts';

/** What an append holds beside its JSON: its promise, and what is known of it. A decision, and a signal, hold as much again. */
const APPEND_BYTES = 1024;

/** What an append holds in memory until it is settled, in bytes. */
export function weightOf({ body, decide, signal }: Request): number {
  const { text, bytes, key = '' } = body;
  // A string that is not all ASCII may have two bytes a character.
  const json = bytes === text.length ? bytes : 2 * text.length;
  const parts = 1 + (decide === undefined ? 0 : 1) + (signal === undefined ? 0 : 1);
  return parts * APPEND_BYTES + json + 2 * key.length;
}

/** The memory that appends on their way hold, and those who wait until it is less. */
export class Backlog {
  readonly #most: number;
  #bytes = 0;
  /** The error of all that are refused until there is room again: a program that goes on at full speed makes very many. */
  #refusal: WalError | undefined;
  /** Resolves once there is room; while somebody waits for it. */
  #room: Promise<void> | undefined;
  #roomIsThere = () => {};
  /** The turn of who came last of those that wait. */
  #last = Promise.resolve();

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#most;
  }

  /** Throws ERR_WAL_BACKLOG where there is no room for one more append. */
  requireRoom(): void {
    if (!this.isFull) return;
    this.#refusal ??= fullError(this.#bytes, this.#most);
    throw this.#refusal;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (this.isFull) return;
    this.#refusal = undefined;
    if (this.#room === undefined) return;
    this.#room = undefined;
    this.#roomIsThere();
  }

  /** Resolves once there is room. One that waits is told after the one before it, who may have taken the room. */
  ready(): Promise<void> {
    this.#last = this.#afterThose(this.#last);
    return this.#last;
  }

  async #afterThose(before: Promise<void>): Promise<void> {
    await before;
    while (this.isFull) {
      this.#room ??= new Promise((resolve) => {
        this.#roomIsThere = resolve;
      });
      await this.#room;
    }
  }
}

function fullError(bytes: number, most: number): WalError {
  const message = `Appends on their way hold ${bytes} bytes, maxPendingBytes is ${most}: await ready(), and append again.`;
  return new WalError('ERR_WAL_BACKLOG', message, { outcome: 'not-written' });
}
