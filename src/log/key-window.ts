/** The record a key was first given to. */
export interface KeyedRecord {
  readonly seq: number;
  readonly ts: number;
}

/** The idempotency keys among the last `size` records. */
export class KeyWindow {
  readonly #size: number;
  /** In the order of their seqs. */
  #keys = new Map<string, KeyedRecord>();

  constructor(size: number) {
    this.#size = size;
  }

  /** `head` is the log's last seq: what lies too far before it is out of the window. */
  get(key: string, head: number): KeyedRecord | undefined {
    const record = this.#keys.get(key);
    return record !== undefined && record.seq > head - this.#size ? record : undefined;
  }

  add(key: string, { seq: added, ts }: KeyedRecord): void {
    if (this.get(key, added) === undefined) {
      this.#keys.delete(key);
      // Not what was given: it may hold much more, for as long as the window does.
      this.#keys.set(key, { seq: added, ts });
    }
    for (const [oldest, { seq }] of this.#keys) {
      if (seq > added - this.#size) break;
      this.#keys.delete(oldest);
    }
  }

  /** The first seq of the window that ends at `head`. */
  firstOf(head: number): number {
    return Math.max(1, head - this.#size + 1);
  }

  /** Takes in keys of records before all that are here, oldest first. */
  addOlder(older: readonly (KeyedRecord & { readonly key: string })[]): void {
    const newer = this.#keys;
    this.#keys = new Map();
    for (const { key, ...record } of older) this.add(key, record);
    for (const [key, record] of newer) this.add(key, record);
  }

  clear(): void {
    this.#keys.clear();
  }
}
