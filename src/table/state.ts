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
 * The items of a log by id, as a fold makes them from the records up to a seq: those of a snapshot, and what changed
 * since. Only this class sets its fields; all may read them.
 */
export class State<V> extends Overlay<V> {
  readonly #run: Run<V> | undefined;
  /** The last entry that its snapshot covers; 0: there is no snapshot. */
  readonly base: number;
  /** How many entries were folded in after `base`. */
  folded = 0;
  /** The last entry that was folded in; `base` if none was. */
  last: number;
  /** The last entry that was folded in or left out. */
  seq: number;
  /** The latest `ts` of the entries folded in, those in its snapshot included, without the log's own entries. */
  latest: number;

  /** Begins empty, or with a snapshot: with its items in `run`, which the state closes, or with those that the caller will put. */
  constructor(fold: Fold<V>, snapshot?: Pick<SnapshotHeader, 'head' | 'latest'>, run?: Run<V>) {
    super(fold, run);
    this.base = snapshot?.head.seq ?? 0;
    this.last = this.base;
    this.seq = this.base;
    this.latest = snapshot?.latest ?? Number.MIN_SAFE_INTEGER;
    this.#run = run;
  }

  /** Advances past an entry that is left out. */
  leaveOut(seq: number): void {
    this.seq = seq;
  }

  /** Whether damage was found in its snapshot. */
  get isDamaged(): boolean {
    return this.#run?.isDamaged ?? false;
  }

  /** Folds in the records of a line, all or none, and adds their changes to `changes`, if given. Throws ERR_WAL_FOLD. */
  applyLine(records: readonly LogRecord[], changes?: Change<V>[]): void {
    if (records.length === 1) {
      // A single record is folded in whole or not at all anyway; of several, the last may fail.
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

  /** Closes the snapshot: the state must not be used any more. */
  close(): void {
    this.#run?.close();
  }
}
