import { RESERVED_OP_PREFIX } from '../format/line.ts';
import type { LogRecord } from '../format/record.ts';
import { IGNORED } from './fold.ts';
import { foldItem } from './fold-item.ts';
import type { Item } from './item.ts';
import { Layer } from './layer.ts';

/** What a record did to an id. */
export interface Change<V = unknown> {
  readonly id: string;
  /** The record's number. */
  readonly seq: number;
  /** The record's op; `wal.reload` if the table was loaded again, and the records between are not known. */
  readonly op: string;
  /** Undefined if the id was not there. */
  readonly before: Item<V> | undefined;
  /** Undefined if the id was dropped. */
  readonly after: Item<V> | undefined;
}

/** Items as records change them, over a view that stays as it is. */
export class Overlay<V> extends Layer<V> {
  /**
   * Folds a record in, and adds the change to `changes`, if given. There is no change if the record is the log's own, if
   * the fold ignores it, or if the id exists neither before nor after. Throws ERR_WAL_FOLD.
   */
  apply(record: LogRecord, changes?: Change<V>[]): void {
    const { id, seq, op } = record;
    if (op.startsWith(RESERVED_OP_PREFIX)) return;
    const before = this.item(id);
    const after = foldItem(this.fold, before, record);
    if (after === IGNORED || (before === undefined && after === undefined)) return;
    this.put(id, after, before !== undefined);
    changes?.push(Object.freeze({ id, seq, op, before, after }));
  }
}
