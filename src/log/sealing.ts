import type { Tip } from '../format/chain.ts';
import type { KeyScope } from '../format/key-scope.ts';
import type { Tail } from './tail.ts';

/** Where a segment was ended. */
export interface Sealed {
  readonly tip: Tip;
  /** Which idempotency keys are looked for after it. */
  readonly keys: KeyScope;
}

interface Waiting {
  resolve(sealed: Sealed): void;
  reject(error: unknown): void;
}

/** The wish that the segment be ended though it is not full, and who waits for that. */
export class Sealing {
  readonly #tail: Tail;
  #waiting: Waiting[] = [];

  constructor(tail: Tail) {
    this.#tail = tail;
  }

  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves with the tip that the seal leaves, once that is kept. */
  want(): Promise<Sealed> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Tells the tip that a seal left, if one has, by now, once `keep` has made that survive a crash. */
  async look(keep: () => Promise<void>): Promise<void> {
    const { isSealed, tip, firstSeq, keyScope: keys } = this.#tail;
    if (!this.isWanted || (!isSealed && tip.seq >= firstSeq)) return;
    const waiting = this.#end();
    try {
      await keep();
      for (const { resolve } of waiting) resolve({ tip, keys });
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  fail(error: unknown): void {
    for (const { reject } of this.#end()) reject(error);
  }

  #end(): Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}
