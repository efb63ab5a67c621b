import { WalError } from '../errors/errors.ts';
import { canonicalOfParsed } from '../format/canonical.ts';
import { RESERVED_OP_PREFIX } from '../format/line.ts';
import type { LogRecord } from '../format/record.ts';
import { encodeItem, type SnapshotHeader } from '../format/snapshot.ts';
import { BlockLine } from './block.ts';
import type { Fold } from './fold.ts';
import type { Item } from './item.ts';
import { type Change, Overlay } from './overlay.ts';
import type { Run } from './run.ts';

/**
 * The items of a log by id, as a fold makes them of the records up to a seq: a snapshot's, and what changed since. Its fields are for
 * everybody to read, and for it alone to set.
 */
export class State<V> extends Overlay<V> {
  readonly #run: Run<V> | undefined;
  /** The entry that its snapshot stands for; 0: none. */
  readonly base: number;
  /** How many entries were folded in after `base`. */
  folded = 0;
  /** The last entry that was folded in; `base` where none was. */
  last: number;
  /** The last entry folded in, or left out. */
  seq: number;
  /** The latest `ts` of the entries that were folded in, those in its snapshot included; the log's own do not count. */
  latest: number;

  /** Of nothing, or of what a snapshot holds: `run`, which it takes over, or what will be put in. */
  constructor(fold: Fold<V>, snapshot?: Pick<SnapshotHeader, 'head' | 'latest'>, run?: Run<V>) {
    super(fold, run);
    this.base = snapshot?.head.seq ?? 0;
    this.last = this.base;
    this.seq = this.base;
    this.latest = snapshot?.latest ?? Number.MIN_SAFE_INTEGER;
    this.#run = run;
  }

  /** Goes past an entry that is left out. */
  leaveOut(seq: number): void {
    this.seq = seq;
  }

  /** Whether its snapshot proved damaged. */
  get isDamaged(): boolean {
    return this.#run?.isDamaged ?? false;
  }

  /** Folds in the records of a line, all or none; notes in `changes` what that changes, where it is wanted. Throws ERR_WAL_FOLD. */
  applyLine(records: readonly LogRecord[], changes?: Change<V>[]): void {
    if (records.length === 1) {
      // A record alone is folded in whole or not at all as it is; of several, the last may fail.
      this.apply(records[0] as LogRecord, changes);
    } else {
      const overlay = new Overlay(this.fold, this);
      for (const record of records) overlay.apply(record, changes);
      const puts = Array.from(overlay.changed, ([id, item]) => this.putting(id, item));
      for (const put of puts) put();
    }
    for (const { seq, op, ts } of records) {
      this.seq = seq;
      this.last = seq;
      this.folded++;
      if (ts > this.latest && !op.startsWith(RESERVED_OP_PREFIX)) this.latest = ts;
    }
  }

  /** The items as the lines of a snapshot, each with its newline, by id. Throws ERR_WAL_FOLD. */
  *lines(): Generator<{ id: string; line: Buffer }, void, undefined> {
    for (const entry of this.entries()) {
      const line = entry instanceof BlockLine ? entry.bytes : Buffer.from(this.#encode(entry.item));
      yield { id: entry.id, line };
    }
  }

  #encode(item: Item<V>): string {
    try {
      return encodeItem({ ...item, json: canonicalOfParsed(item.value) });
    } catch (error) {
      const message = `What the fold ${JSON.stringify(this.fold.name)} made of id ${JSON.stringify(item.id)} cannot be written as JSON: ${(error as Error).message}`;
      throw new WalError('ERR_WAL_FOLD', message, { seq: item.rev, cause: error });
    }
  }

  /** Lets go of the snapshot: nothing is asked of it any more. */
  close(): void {
    this.#run?.close();
  }
}
