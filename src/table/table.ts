import type { Clock } from '../clock/clock.ts';
import { throwNotWritten, WalError } from '../errors/errors.ts';
import type { EntryRules } from '../format/entry.ts';
import type { Appender } from '../log/appender.ts';
import { type Preceding, RetryAfter, UNDECIDED } from '../log/pending.ts';
import { badArgument, integer, readOptions } from '../options/options.ts';
import { anySignal } from '../options/signals.ts';
import type { LineStore } from '../store/store.ts';
import type { Fold } from './fold.ts';
import type { Item } from './item.ts';
import { checkOutside } from './outside.ts';
import type { Change } from './overlay.ts';
import type { Replica } from './replica.ts';
import type { Loan, Replicas } from './replicas.ts';
import { type Filter, selectionOf } from './selection.ts';
import type { State } from './state.ts';
import { type NotPromise, refuseThenable, Transaction } from './transaction.ts';
import { itemsInOrder, listOf, type View } from './view.ts';
import { watchChanges } from './watch.ts';

/** Which calls the Wal of a table admits. */
export interface TableAccess {
  /** Has the Wal's `close` wait for a task, and answers as the task does. */
  note<T>(task: Promise<T>): Promise<T>;
  /** Throws if the Wal is closed. */
  checkOpen(): void;
  /** Throws if the Wal cannot append. */
  checkWritable(): void;
}

/** What a table uses of its Wal. */
export interface TableHost {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly appender: Appender;
  readonly replicas: Replicas;
  readonly rules: EntryRules;
  /** Aborts when the Wal is closed. */
  readonly closing: AbortSignal;
  readonly access: TableAccess;
  warn(message: string): void;
}

export interface TableOptions<V> {
  /**
   * How records become the value of their id. Default: the Wal's option `fold`. If the log was compacted with another fold,
   * the call is refused with ERR_WAL_FOLD.
   */
  readonly fold?: Fold<V> | undefined;
}

export interface TransactionOptions {
  /** Cancels the transaction, unless it is written already. */
  readonly signal?: AbortSignal | undefined;
  /** How often the transaction is decided, if others come first, before ERR_WAL_CONFLICT. 1 to 1,000,000; default 100. */
  readonly maxTries?: number | undefined;
}

export interface UpdateOptions extends TransactionOptions {
  /** Op of the entry that is appended. Default `update`. */
  readonly op?: string | undefined;
}

export interface WatchOptions {
  /** Ends the watching, without an error. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_TRIES = 100;
/** A transaction's function that works longer than this causes a warning, because others wait for their turn meanwhile. */
const LONG_MS = 10;

/**
 * The current state of a log, by id, in memory: made by `wal.table()`. The table has this Wal's own appends at once, and
 * others' after `refresh()` or any append or transaction of this Wal. All that it returns is frozen. What a snapshot holds
 * stays in its file until it is asked for. If the snapshot is damaged there, all methods that read throw ERR_WAL_CORRUPT,
 * and the next `refresh` or transaction falls back to an older snapshot.
 *
 * After the log was replaced (a checkout) or compacted, the next `refresh` loads the table again. If a record cannot be
 * folded in, `refresh`, `update` and `transaction` fail with its error, and the methods that read continue with the state
 * before it. A table lives, and costs a little for every line, until it or its Wal is closed: make one, and keep it. Tables
 * of one fold (the same object) share their state.
 */
export class Table<V = unknown> implements Iterable<Item<V>> {
  readonly #host: TableHost;
  readonly #loan: Loan<V>;
  readonly #replica: Replica<V>;
  readonly #stop = new AbortController();
  /** Whether the last transaction took longer than LONG_MS. */
  #tookLong = false;
  #warned = false;

  private constructor(host: TableHost, loan: Loan<V>) {
    this.#host = host;
    this.#loan = loan;
    this.#replica = loan.replica;
  }

  /** @internal */
  static async open<V>(host: TableHost, fold: Fold<V>): Promise<Table<V>> {
    return new Table(host, await host.replicas.lend(fold));
  }

  /** The value of an id; undefined if the id is not there. */
  get(id: string): V | undefined {
    return this.item(id)?.value;
  }

  has(id: string): boolean {
    return this.#state.has(id);
  }

  /** The value of an id with its rev, version and ts. */
  item(id: string): Item<V> | undefined {
    return this.#state.item(id);
  }

  /**
   * The items that pass (default: all), by id, in the order of UTF-16 code units. `filter`: a function, or the fields that
   * a value must have, equal as JSON: `{ status: 'open' }`. Fields are quicker if few items pass, because a snapshot is then
   * searched, not parsed.
   */
  list(filter?: Filter<V>): Item<V>[] {
    return listOf(this.#state, selectionOf(filter));
  }

  /** The items, by id, each as it is when the iteration reaches it. */
  *[Symbol.iterator](): Generator<Item<V>, void, undefined> {
    let after: string | undefined;
    for (let changed = true; changed; ) {
      const state = this.#state;
      const { changes } = state;
      changed = false;
      for (const { id, item } of state.entries(undefined, after)) {
        yield item;
        after = id;
        changed = this.#state !== state || state.changes !== changes;
        if (changed) break;
      }
    }
  }

  /**
   * The items that have a place in the fold's `order`, in that order, each as it is when the iteration reaches it. The cost
   * of the first ones does not grow with the number of items. Throws ERR_WAL_ARGUMENT if the fold has no order.
   */
  inOrder(): Generator<Item<V>, void, undefined> {
    return itemsInOrder(this.#replica.fold, () => this.#state);
  }

  /** How many ids there are. */
  get size(): number {
    return this.#state.size;
  }

  /** Number of the last entry that was folded in. */
  get seq(): number {
    return this.#state.seq;
  }

  get #state(): State<V> {
    if (this.#stop.signal.aborted || this.#host.closing.aborted) throw closedError();
    return this.#replica.state;
  }

  /**
   * Reads what was appended since the last call; resolves with the table's seq.
   *
   * Rejects as `wal.head()` does, and with ERR_WAL_CORRUPT and ERR_WAL_FOLD.
   */
  refresh(): Promise<number> {
    this.#checkOutside();
    return this.#host.access.note(this.#refresh());
  }

  async #refresh(): Promise<number> {
    this.#checkOpen();
    await this.#replica.refresh();
    return this.#replica.state.seq;
  }

  /**
   * Appends what `change` makes of an id's value, or nothing if that is `undefined`. Reading and writing are one step, as in
   * `transaction`. Resolves with the resulting item, whose rev is the entry's seq, once the entry is as safe as the option
   * `durability` says. If the fold ignores the entry, the item is as it was, with its earlier rev.
   */
  update<D>(
    id: string,
    change: (value: V | undefined, item: Item<V> | undefined) => NotPromise<D>,
    options: UpdateOptions = {},
  ): Promise<Item<V> | undefined> {
    this.#checkOutside();
    return this.#update(id, change, options);
  }

  async #update(
    id: string,
    change: (value: V | undefined, item: Item<V> | undefined) => unknown,
    options: UpdateOptions,
  ): Promise<Item<V> | undefined> {
    const asked = readOptions(options, ['op', 'signal', 'maxTries']);
    const { op = 'update' } = asked;
    return this.#transact((tx) => {
      const item = tx.item(id);
      const data = change(item?.value, item);
      refuseThenable(data);
      if (data !== undefined) tx.append({ op, id, data });
      return tx.item(id);
    }, asked);
  }

  /**
   * Runs `decide` on the table as it is at the place in the log where its writes will be, and appends the writes together,
   * as one line; if it wrote nothing, nothing is appended. Resolves with what `decide` returns once the writes are as safe
   * as the option `durability` says.
   *
   * `decide` is synchronous, and runs again if another writer came first. While it runs nobody else writes: it should be
   * quick, and only read and write by its argument. If two transactions in a row work for more than 10 ms each, there is a
   * warning, once per table; time in which others have the processor does not count. If `decide` throws, nothing is
   * appended, and the transaction rejects with what it threw.
   *
   * Rejects with ERR_WAL_TRANSACTION if `decide` is async, or calls the Wal or one of its tables; with ERR_WAL_CONFLICT after
   * `maxTries`; with ERR_WAL_FOLD; and as `Wal.append` does.
   */
  transaction<R>(
    decide: (tx: Transaction<V>) => NotPromise<R>,
    options: TransactionOptions = {},
  ): Promise<R> {
    this.#checkOutside();
    return this.#transaction(decide, options);
  }

  async #transaction<R>(
    decide: (tx: Transaction<V>) => NotPromise<R>,
    options: TransactionOptions,
  ): Promise<R> {
    return this.#transact(decide, readOptions(options, ['signal', 'maxTries']));
  }

  /** A transaction whose options were read already. */
  async #transact<R>(
    decide: (tx: Transaction<V>) => NotPromise<R>,
    { signal, maxTries = DEFAULT_TRIES }: TransactionOptions,
  ): Promise<R> {
    integer('maxTries', maxTries, 1, 1_000_000);
    if (typeof decide !== 'function') throw badArgument('A transaction must be a function');
    this.#checkOpen();
    checkSignal(signal);
    const { access, appender, clock, rules } = this.#host;
    access.checkWritable();
    appender.queue.requireRoom();
    let answer: { readonly value: R } | undefined;
    await appender.append({
      body: UNDECIDED,
      maxTries,
      signal,
      decide: (preceding) => {
        const place = { seq: preceding.head.seq, now: clock.now(), rules };
        const tx = new Transaction(this.#at(preceding), this.#replica.fold, place);
        try {
          const value = this.#timed(decide, tx);
          refuseThenable(value);
          answer = { value };
          return tx.body();
        } finally {
          tx.end();
        }
      },
    });
    return (answer as unknown as { readonly value: R }).value;
  }

  /**
   * Throws if an id does not have that rev after what precedes in the write that is being made; for `Wal.append`.
   * @internal
   */
  requireRev(id: string, rev: number, preceding: Preceding): void {
    const now = this.#at(preceding).item(id)?.rev ?? 0;
    if (now !== rev) throw this.#conflict(id, rev, now);
  }

  #conflict(id: string, expected: number, rev: number): WalError {
    const is = rev === 0 ? 'is not there' : `is at rev ${rev}`;
    const message = `The id ${JSON.stringify(id)} ${is}, not ${expected === 0 ? 'absent' : `at rev ${expected}`} as expected: read what was appended, decide again, append again.`;
    const { head } = this.#host.appender.tail;
    return new WalError('ERR_WAL_CONFLICT', message, { outcome: 'not-written', head, seq: head.seq, rev });
  }

  /** The items as they are after what precedes in the write that is being made. */
  #at(preceding: Preceding): View<V> {
    if (this.#stop.signal.aborted) throw closedError();
    const replica = this.#replica;
    if (replica.isBehind) throw new RetryAfter(replica.reload().catch(throwNotWritten));
    const { state } = replica;
    if (replica.failure !== undefined) throwNotWritten(replica.failure);
    return replica.speculation.over(state, preceding);
  }

  #timed<R>(decide: (tx: Transaction<V>) => R, tx: Transaction<V>): R {
    const { clock } = this.#host;
    const start = clock.elapsed();
    // Asking for the processor's time may cost more than the rest, so it is done only after a transaction that took long.
    const worked = this.#tookLong && !this.#warned ? clock.worked() : undefined;
    try {
      return decide(tx);
    } finally {
      const ms = clock.elapsed() - start;
      this.#tookLong = ms > LONG_MS;
      // The processor's time of the process includes that of its other threads, hence the lower of the two.
      if (worked !== undefined && this.#tookLong) this.#warnOf(Math.min(ms, clock.worked() - worked));
    }
  }

  #warnOf(ms: number): void {
    if (ms <= LONG_MS) return;
    this.#warned = true;
    this.#host.warn(
      `a transaction's function took ${Math.round(ms)} ms, and all other writers wait for it: do what takes long before it, or after it`,
    );
  }

  /**
   * The changes from this call on, by any writer, until `signal` aborts, or the table or its Wal is closed. A change is
   * delivered once it is written; a power cut may take back what is not synced. If the log was replaced, or compacted past
   * this table, the changes are the differences between the state before and after, with op `wal.reload`.
   *
   * Throws ERR_WAL_ARGUMENT or ERR_WAL_CLOSED; ends in what `refresh` rejects with.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<Change<V>, void, undefined> {
    const { signal } = readOptions(options, ['signal']);
    this.#checkOpen();
    checkSignal(signal);
    const { closing } = this.#host;
    const ends = anySignal([closing, this.#stop.signal, ...(signal ? [signal] : [])]);
    return watchChanges(this.#host, this.#replica, ends);
  }

  /** Ends the table's watches, and stops following the log. Transactions that were not decided, and all later calls, fail with ERR_WAL_CLOSED. */
  close(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#loan.end();
  }

  #checkOutside(): void {
    checkOutside(this.#host.appender);
  }

  #checkOpen(): void {
    this.#checkOutside();
    this.#host.access.checkOpen();
    if (this.#stop.signal.aborted) throw closedError();
  }
}

function closedError(): WalError {
  return new WalError('ERR_WAL_CLOSED', 'The table is closed: make another.', { outcome: 'not-written' });
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw badArgument('signal must be an AbortSignal');
}
