import { WalError } from '../errors/errors.ts';
import { canonicalOfParsed } from '../format/canonical.ts';
import { RESERVED_OP_PREFIX } from '../format/line.ts';
import type { Placed } from '../format/order.ts';
import type { LogRecord } from '../format/record.ts';
import { encodeItem, type SnapshotHeader } from '../format/snapshot.ts';
import { BlockLine } from './block.ts';
import type { Fold } from './fold.ts';
import type { Item } from './item.ts';
import { type Change, Overlay } from './overlay.ts';
import type { Run } from './run.ts';
import type { Entry, View } from './view.ts';

/** The items of a log by id, as a fold makes them of the records up to a seq: a snapshot's, and what changed since. */
export class State<V> implements View<V> {
  readonly fold: Fold<V>;
  readonly #run: Run<V> | undefined;
  readonly #layer: Overlay<V>;
  #seq: number;
  /** The entry that its snapshot stands for; 0: none. */
  readonly base: number;
  #folded = 0;
  #last: number;
  #latest: number;

  /** Of nothing, or of what a snapshot holds: `run`, which it takes over, or what will be put in. */
  constructor(fold: Fold<V>, snapshot?: Pick<SnapshotHeader, 'head' | 'latest'>, run?: Run<V>) {
    const { seq } = snapshot?.head ?? { seq: 0 };
    this.fold = fold;
    this.#seq = seq;
    this.base = seq;
    this.#last = seq;
    this.#latest = snapshot?.latest ?? Number.MIN_SAFE_INTEGER;
    this.#run = run;
    this.#layer = new Overlay(fold, run);
  }

  /** How many entries were folded in after `base`. */
  get folded(): number {
    return this.#folded;
  }

  /** The last entry that was folded in; `base` where none was. */
  get last(): number {
    return this.#last;
  }

  /** The latest `ts` of the entries that were folded in, those in its snapshot included; the log's own do not count. */
  get latest(): number {
    return this.#latest;
  }

  /** Goes past an entry that is left out. */
  leaveOut(seq: number): void {
    this.#seq = seq;
  }

  /** The last entry folded in, or left out. */
  get seq(): number {
    return this.#seq;
  }

  get changes(): number {
    return this.#layer.changes;
  }

  /** Whether its snapshot proved damaged. */
  get isDamaged(): boolean {
    return this.#run?.isDamaged ?? false;
  }

  /** Folds in the records of a line, all or none; `changes` is told what changed, where somebody wants to know. Throws ERR_WAL_FOLD. */
  apply(records: readonly LogRecord[], changes?: Change<V>[]): void {
    // A record alone is folded in whole or not at all as it is; of several, the last may fail.
    const overlay = records.length === 1 ? this.#layer : new Overlay(this.fold, this.#layer);
    for (const record of records) overlay.apply(record, changes);
    if (overlay !== this.#layer) {
      const puts = Array.from(overlay.changed, ([id, item]) => this.#layer.putting(id, item));
      for (const put of puts) put();
    }
    const last = records.at(-1);
    if (last !== undefined) {
      this.#seq = last.seq;
      this.#last = last.seq;
      this.#folded += records.length;
      for (const { op, ts } of records)
        if (ts > this.#latest && !op.startsWith(RESERVED_OP_PREFIX)) this.#latest = ts;
    }
  }

  /** Puts an item in, or out, beside what records make: for what an earlier version of the fold made. */
  put(id: string, item: Item<V> | undefined): void {
    this.#layer.put(id, item);
  }

  item(id: string): Item<V> | undefined {
    return this.#layer.item(id);
  }

  has(id: string): boolean {
    return this.#layer.has(id);
  }

  get size(): number {
    return this.#layer.size;
  }

  entries(holding?: Buffer, after?: string): Iterable<Entry<V>> {
    return this.#layer.entries(holding, after);
  }

  ordered(after?: Placed): Iterable<Placed> {
    return this.#layer.ordered(after);
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
