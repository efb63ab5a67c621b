import { type KeyedLine, lastOf, type SnapshotKey } from '../format/key-lines.ts';
import { firstInScope, type KeyScope, raisedScope } from '../format/key-scope.ts';

/** The lines that bear idempotency keys, as far back as an append's key is looked for. */
export class KeyWindow {
  readonly #initial: KeyScope;
  #scope: KeyScope;
  /** In the order of their seqs; of lines with one key, the last. */
  #lines = new Map<string, KeyedLine>();

  /** `initial`: what holds at the log's beginning. */
  constructor(initial: KeyScope) {
    this.#initial = initial;
    this.#scope = initial;
  }

  /** Which keys are looked for after the lines that were read. */
  get scope(): KeyScope {
    return this.#scope;
  }

  /** The first entry of the window where `head` is the last before what is appended. */
  firstOf(head: number): number {
    return firstInScope(this.#scope, head);
  }

  /** The line with a key, if the window holds its last entry: a batch's key stands for all its entries. */
  get(key: string, head: number): KeyedLine | undefined {
    const line = this.#lines.get(key);
    return line !== undefined && lastOf(line) >= this.firstOf(head) ? line : undefined;
  }

  /** Takes in a line after all that are here. */
  add(key: string, line: KeyedLine): void {
    this.#put(key, line);
    const first = this.firstOf(lastOf(line));
    for (const [oldest, each] of this.#lines) {
      if (lastOf(each) >= first) break;
      this.#lines.delete(oldest);
    }
  }

  #put(key: string, { seq, count, ts, sum }: KeyedLine): void {
    this.#lines.delete(key);
    // Not what was given: it may hold much more, for as long as the window does.
    this.#lines.set(key, { seq, count, ts, sum });
  }

  /** Takes in lines before all that are here, oldest first. */
  addOlder(older: readonly SnapshotKey[]): void {
    const newer = this.#lines;
    this.#lines = new Map();
    for (const { key, ...line } of older) this.#put(key, line);
    for (const [key, line] of newer) this.#put(key, line);
  }

  /** Entry `seq` raises the window. */
  raise(window: number, seq: number): void {
    this.#scope = raisedScope(this.#scope, window, seq);
  }

  /** What a seal says holds after it. */
  goOn(scope: KeyScope): void {
    this.#scope = scope;
  }

  /** Begins anew, with what holds there; undefined: at the log's beginning. */
  begin(scope: KeyScope | undefined): void {
    this.#lines.clear();
    this.#scope = scope ?? this.#initial;
  }
}
