import type { Head } from '../format/chain.ts';
import type { Tail } from './tail.ts';

/** The wish that the segment be ended though it is not full, and who waits for that. */
export class Sealing {
  readonly #tail: Tail;
  #waiting: { resolve(head: Head): void; reject(error: unknown): void }[] = [];

  constructor(tail: Tail) {
    this.#tail = tail;
  }

  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves with the head that the seal leaves, once that is kept. */
  want(): Promise<Head> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Tells the head that a seal left, if one has, by now, once `keep` has made that survive a crash. */
  async look(keep: () => Promise<void>): Promise<void> {
    const { isSealed, head, firstSeq } = this.#tail;
    if (!this.isWanted || (!isSealed && head.seq >= firstSeq)) return;
    const waiting = this.#end();
    try {
      await keep();
      for (const { resolve } of waiting) resolve(head);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  fail(error: unknown): void {
    for (const { reject } of this.#end()) reject(error);
  }

  #end(): { resolve(head: Head): void; reject(error: unknown): void }[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}
