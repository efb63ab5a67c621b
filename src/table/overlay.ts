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
  /** The record's op; `wal.reload` where the table was loaded again, and nobody can say what was between. */
  readonly op: string;
  /** Undefined where the id was not there. */
  readonly before: Item<V> | undefined;
  /** Undefined where the id is gone. */
  readonly after: Item<V> | undefined;
}

/** Items as records change them, over a view that stays as it is. */
export class Overlay<V> extends Layer<V> {
  /**
   * Folds a record in, and notes what that changes in `changes`, where those are wanted: nothing where it is the log's own, the fold
   * ignores it, or the id was not there and is not. Throws ERR_WAL_FOLD.
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
