import type { Tip } from '../format/chain.ts';
import type { FoldIdentity } from '../format/fold-identity.ts';
import type { KeyScope } from '../format/key-scope.ts';
import type { Tail } from './tail.ts';

/** Where a segment was ended. */
export interface Sealed {
  readonly tip: Tip;
  /** Which idempotency keys are looked for after it. */
  readonly keys: KeyScope;
  /** The log's fold there. */
  readonly fold: FoldIdentity | undefined;
}

interface Waiting {
  readonly fold: FoldIdentity;
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

  /** What the seal names as the log's fold, where no other is named before it. */
  get fold(): FoldIdentity | undefined {
    return this.#waiting[0]?.fold;
  }

  /** Resolves with the tip that the seal leaves, once that is kept. */
  want(fold: FoldIdentity): Promise<Sealed> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ fold, resolve, reject });
    });
  }

  /** Tells the tip that a seal left, if one has, by now, once `keep` has made that survive a crash. */
  async look(keep: () => Promise<void>): Promise<void> {
    const { isSealed, tip, firstSeq, keyScope: keys, fold } = this.#tail;
    if (!this.isWanted || (!isSealed && tip.seq >= firstSeq)) return;
    const waiting = this.#end();
    try {
      await keep();
      for (const { resolve } of waiting) resolve({ tip, keys, fold });
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
