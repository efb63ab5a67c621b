import { WalError, withOutcome } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { WriteOutcome } from '../store/store.ts';
import type { Pending } from './pending.ts';
import type { Queue, QueueParts } from './queue.ts';

/** Tells callers that their appends failed, and what became of them. */
export class Refusals {
  readonly #queue: Queue;
  readonly #stats: QueueParts['stats'];

  constructor(queue: Queue, stats: QueueParts['stats']) {
    this.#queue = queue;
    this.#stats = stats;
  }

  /**
   * Of a log that took the old one's place and is read from `firstSeq` on: refuses what may be in the part before. Appended
   * again, it could be there twice.
   */
  refuseHidden(firstSeq: number): void {
    const hidden = this.#queue.waiting.filter((pending) => pending.mayBeBefore(firstSeq));
    const message = `The log was replaced by one that goes on from entry ${firstSeq}: look there for the entry, by its id or key, before appending it again.`;
    this.#refuse(hidden, () => new WalError('ERR_WAL_DIVERGED', message, { outcome: 'unknown' }));
  }

  /** Of those that others came before, and that still wait: refuses the ones to which it happened too often. */
  refuseOvertaken(lost: readonly Pending[], head: Head): void {
    const message =
      'Others came first at every try: nothing was appended. Try again later, or raise maxTries.';
    const details = { outcome: 'not-written', head, seq: head.seq } as const;
    this.#refuse(
      lost.filter((pending) => pending.queued && !pending.overtaken()),
      () => new WalError('ERR_WAL_CONFLICT', message, details),
    );
  }

  /** Refuses what a failed write did not get into the log. */
  refuseWrite({ error, written }: Extract<WriteOutcome, { kind: 'failed' }>, lost: readonly Pending[]): void {
    // All but its newline is there: what reads the file by other rules than ours may take it for a line.
    const isCut = (pending: Pending) => pending.end - 1 === written;
    this.#refuse(lost, (pending) => (isCut(pending) ? withOutcome(error, 'unknown') : error));
  }

  /** Refuses all that wait: nothing of them was written. */
  refuseAll(error: unknown): void {
    const failure =
      error instanceof WalError
        ? withOutcome(error, 'not-written')
        : new WalError('ERR_WAL_IO', `The append failed: ${(error as Error)?.message ?? error}`, {
            outcome: 'not-written',
            cause: error,
          });
    if (failure.code === 'ERR_WAL_LOCK_TIMEOUT') this.#stats.timeouts++;
    for (const pending of this.#queue.waiting) this.#queue.reject(pending, failure);
  }

  #refuse(refused: readonly Pending[], errorOf: (pending: Pending) => WalError): void {
    for (const pending of refused) this.#queue.reject(pending, errorOf(pending));
  }
}

/** What every call gets after a failure that may have left the disk and the cache at odds. */
export function latchedError(failure: WalError): WalError {
  return new WalError(
    'ERR_WAL_LATCHED',
    `This Wal stopped for good after an earlier failure (${failure.message}) Open the log again.`,
    {
      outcome: 'not-written',
      cause: failure,
    },
  );
}
