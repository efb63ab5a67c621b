import { throwNotWritten, WalError } from '../errors/errors.ts';
import { type FoldIdentity, foldLabel } from '../format/fold-identity.ts';
import { type Preceding, RetryAfter } from '../log/pending.ts';
import { type Fold, lastData } from './fold.ts';
import type { Table, TableHost } from './table.ts';

/** Decides `expect: {rev}` by a table of the log's recorded fold, which is loaded for the first append that expects a rev. */
export class Revs {
  readonly #host: TableHost;
  readonly #fold: Fold | undefined;
  #table: Table | undefined;
  #loading: Promise<void> | undefined;

  /** `fold`: the Wal's own; undefined unless its caller named one. */
  constructor(host: TableHost, fold: Fold | undefined) {
    this.#host = host;
    this.#fold = fold;
  }

  /**
   * Throws ERR_WAL_CONFLICT if an id does not have that rev after what precedes in the write that is being made. Throws
   * `RetryAfter` if the table must be loaded first; loading rejects with ERR_WAL_FOLD if the log's fold is not the Wal's.
   */
  require(id: string, rev: number, preceding: Preceding): void {
    if (this.#table === undefined || !this.#isLogsFold) throw new RetryAfter(this.#load());
    this.#table.requireRev(id, rev, preceding);
  }

  /** A Wal without a fold of its own can decide in a log whose fold is `lastData`. */
  get #ownFold(): Fold {
    return this.#fold ?? lastData;
  }

  get #isLogsFold(): boolean {
    const { fold } = this.#host.appender.tail;
    return fold !== undefined && fold.name === this.#ownFold.name && fold.version === this.#ownFold.version;
  }

  #load(): Promise<void> {
    this.#loading ??= this.#host.access.note(this.#loadNow().catch(throwNotWritten)).finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadNow(): Promise<void> {
    const [{ Table }, { recordFold }] = await Promise.all([import('./table.ts'), import('./load.ts')]);
    // The log may have been replaced by one in which the fold is not recorded.
    await recordFold(this.#host, this.#fold);
    if (!this.#isLogsFold) throw otherFoldError(this.#host.appender.tail.fold, this.#fold);
    this.#table ??= await Table.open(this.#host, this.#ownFold);
  }
}

function otherFoldError(recorded: FoldIdentity | undefined, own: Fold | undefined): WalError {
  const isOther = own === undefined ? 'this Wal was given none' : `this Wal's is ${foldLabel(own)}`;
  const message =
    recorded === undefined
      ? "A rev is decided by the log's fold, and none is recorded: open the Wal with the option fold, which is then recorded in the log (fold: lastData, if the state of an id is its last data)."
      : `A rev is decided by the log's fold, ${foldLabel(recorded)}, and ${isOther}: open the Wal with that fold.`;
  return new WalError('ERR_WAL_FOLD', message, { outcome: 'not-written' });
}
