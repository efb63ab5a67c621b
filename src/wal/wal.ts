import type { Clock } from '../clock/clock.ts';
import type { BackupOptions, BackupReport } from '../copy/backup.ts';
import type { RestoreOptions, RestoreReport } from '../copy/restore.ts';
import type { Head } from '../format/chain.ts';
import { batchBody, type Entry, entryBody } from '../format/entry.ts';
import { firstInScope } from '../format/key-scope.ts';
import type { LogRecord } from '../format/record.ts';
import { Appender } from '../log/appender.ts';
import type { readPastDamage } from '../log/past-damage.ts';
import type { AppendResult } from '../log/pending.ts';
import { readRecords } from '../log/reader.ts';
import { SharedReading } from '../log/shared-reading.ts';
import type { Stats, WalStats } from '../log/stats.ts';
import type { VerifyReport } from '../log/verify.ts';
import { boolean, callback, type Limits, readOptions } from '../options/options.ts';
import { anySignal } from '../options/signals.ts';
import type { RepairOptions, RepairReport } from '../repair/model.ts';
import { type Environment, realEnvironment } from '../setup/environment.ts';
import type { WalOptions } from '../setup/options.ts';
import * as requests from '../setup/requests.ts';
import { orReadOnly } from '../storage/error.ts';
import type { LineStore } from '../store/store.ts';
import { type AutoCompactHost, AutoCompaction } from '../table/auto-compact.ts';
import type { CompactOptions, CompactReport } from '../table/compact.ts';
import { type Fold, lastData } from '../table/fold.ts';
import type { Moment, PastState } from '../table/past.ts';
import { Replicas } from '../table/replicas.ts';
import { Revs } from '../table/revs.ts';
import type { Table, TableHost, TableOptions } from '../table/table.ts';
import { Access } from './access.ts';
import { Appends } from './appends.ts';
import { keyWindowError } from './key-window.ts';
import { warnOfOtherFold } from './other-fold.ts';
import { openParts, type WalInfo, type WalParts } from './parts.ts';
import { reportRewind } from './report-rewind.ts';

/**
 * An append-only log that many processes and threads write at once, one readable line of JSON per entry. Nothing
 * acknowledged is lost or doubled, even where the lock is broken.
 */
export class Wal {
  readonly #store: LineStore;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #appender: Appender;
  readonly #access: Access;
  readonly #appends: Appends;
  readonly #stats: Stats;
  /** Undefined unless the caller named one. */
  readonly #fold: Fold | undefined;
  readonly #autoCompaction: AutoCompaction | undefined;
  readonly #stop = new AbortController();
  /** The readings that followers share. */
  readonly #following: Readonly<Record<'durable' | 'plain', SharedReading>>;
  readonly #tableHost: TableHost;
  readonly #compactHost: AutoCompactHost;
  #warnedOfOtherFold = false;
  #closed: Promise<void> | undefined;

  /**
   * Opens the log in a directory. Both are made if they are missing.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_NOT_FOUND (`create: false`, or `readOnly`), ERR_WAL_NOT_A_DIRECTORY,
   * ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION, ERR_WAL_KEY_WINDOW or ERR_WAL_IO. For writing also with
   * ERR_WAL_CORRUPT (to look at the log, open it read-only), ERR_WAL_MISSING (a sync service keeps a file elsewhere, or
   * no file is left of what this machine saw acknowledged), ERR_WAL_DIVERGED, ERR_WAL_LOCK_KIND,
   * ERR_WAL_LOCK_UNAVAILABLE, ERR_WAL_NETWORK_FS, ERR_WAL_UNSUPPORTED (no hard links), ERR_WAL_NO_SPACE, ERR_WAL_SYNC,
   * and ERR_WAL_LOCK_TIMEOUT (a strict lock, while a failed sync is repaired).
   */
  static async open(directory: string, options: WalOptions = {}): Promise<Wal> {
    return Wal.openIn(realEnvironment, directory, options);
  }

  /** `Wal.open` with another disk, clock or randomness, for the lab. @internal */
  static async openIn(environment: Environment, directory: string, options: WalOptions = {}): Promise<Wal> {
    const { store, parts } = await openParts(environment, directory, options);
    return Wal.on(store, parts);
  }

  /**
   * A Wal on a store that is open already. If this fails, the store is closed.
   * @internal
   */
  static async on(store: LineStore, parts: WalParts): Promise<Wal> {
    const { readOnly, keyWindow, fold, onRewound } = parts;
    const wal = new Wal(store, parts);
    try {
      if (!readOnly) await wal.#appender.begin();
      else if (onRewound !== undefined) await wal.#appender.look();
      if (keyWindow !== undefined) await wal.#checkKeyWindow(keyWindow, readOnly);
      if (fold !== undefined && !readOnly) {
        const { recordFold } = await import('../table/load.ts');
        await recordFold(wal.#tableHost, fold);
      }
    } catch (error) {
      await wal.close();
      throw orReadOnly(error);
    }
    return wal;
  }

  /**
   * Makes a new log, with an id of its own, from a backup or from any log's directory. The destination must be missing or
   * empty; the new log appears in it whole and synced, or not at all. Lines are copied byte for byte, never linked; lines
   * that do not count are left out. The source is only read, and may be in use.
   *
   * Rejects with ERR_WAL_ARGUMENT (also for a `toSeq` past the end, or within a batch), ERR_WAL_COMPACTED (`toSeq` is
   * before the oldest snapshot), ERR_WAL_CORRUPT and ERR_WAL_DIVERGED (the source is damaged: see `onDamage`),
   * ERR_WAL_EXISTS, ERR_WAL_NOT_FOUND, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION,
   * ERR_WAL_NO_SPACE, ERR_WAL_ABORTED or ERR_WAL_IO.
   */
  static async restore(
    source: string,
    destination: string,
    options: RestoreOptions = {},
  ): Promise<RestoreReport> {
    const { restoreLog } = await import('../copy/restore.ts');
    return restoreLog(realEnvironment, source, destination, options);
  }

  /**
   * Repairs a damaged log. No byte of the original is changed or cut off, and no entry that can be read is lost. A second
   * run finds nothing to do. Others may have the log open meanwhile.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_CORRUPT or ERR_WAL_DIVERGED (`tail` is not enough, or would bury entries that
   * can be read), ERR_WAL_CONFLICT (another process wrote at that moment), ERR_WAL_NOT_FOUND, ERR_WAL_MISSING,
   * ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT (`tail`), ERR_WAL_VERSION, ERR_WAL_NETWORK_FS,
   * ERR_WAL_LOCK_KIND, ERR_WAL_LOCK_UNAVAILABLE, ERR_WAL_LOCK_TIMEOUT, ERR_WAL_UNSUPPORTED, ERR_WAL_NO_SPACE,
   * ERR_WAL_SYNC, ERR_WAL_ABORTED or ERR_WAL_IO.
   */
  static async repair(directory: string, options: RepairOptions): Promise<RepairReport> {
    const { repairLog } = await import('../repair/repair.ts');
    return repairLog(realEnvironment, directory, options);
  }

  private constructor(store: LineStore, parts: WalParts) {
    const { clock, stats, session, fold, autoCompact, onRewound } = parts;
    const { durability, maxEntryBytes, maxPendingBytes, values } = parts;
    this.#store = store;
    this.#clock = clock;
    this.#limits = { durability, maxEntryBytes, maxPendingBytes, values };
    this.#stats = stats;
    this.#appender = new Appender({
      store,
      clock,
      budget: parts.budget,
      stats,
      session: session.name,
      ...this.#limits,
      sealed: () => this.#autoCompaction?.sealed(),
      rewound: (rewind) => reportRewind(onRewound, rewind),
      debug: session.debug,
    });
    const [appender, rules] = [this.#appender, this.#limits];
    this.#access = new Access(appender, parts.readOnly);
    this.#fold = fold;
    const closing = this.#stop.signal;
    this.#following = {
      durable: new SharedReading(store, clock, true, closing),
      plain: new SharedReading(store, clock, false, closing),
    };
    const replicas = new Replicas({ store, clock, tail: appender.tail });
    const warnings = (code: string) => (message: string) => process.emitWarning(message, { code });
    const warn = warnings('WAL_SLOW_TRANSACTION');
    this.#tableHost = { store, clock, appender, replicas, rules, closing, access: this.#access, warn };
    this.#compactHost = { store, clock, appender, fold, warn: warnings('WAL_AUTO_COMPACT') };
    const revs = new Revs(this.#tableHost, fold);
    this.#appends = new Appends({ store, clock, rules, appender, access: this.#access, revs });
    const { git, keepEvents } = store.info();
    if (autoCompact !== undefined && !git && keepEvents !== true)
      this.#autoCompaction = new AutoCompaction(this.#compactHost, autoCompact);
  }

  /**
   * Appends one entry, and resolves once it is as safe as the option `durability` says. The entry is read and dated before
   * the call returns. If too many appends are pending, the call is rejected with ERR_WAL_BACKLOG: wait for `ready()`.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_ENTRY, ERR_WAL_TOO_LARGE, ERR_WAL_BACKLOG, ERR_WAL_CLOSED, ERR_WAL_READ_ONLY,
   * ERR_WAL_LATCHED, ERR_WAL_ABORTED, ERR_WAL_CONFLICT, ERR_WAL_KEY_REUSED, ERR_WAL_LOCK_TIMEOUT (a strict lock),
   * ERR_WAL_LOCK_UNAVAILABLE, ERR_WAL_NO_SPACE, ERR_WAL_FULL, ERR_WAL_CORRUPT, ERR_WAL_IO, ERR_WAL_SYNC or, with
   * `expect: {rev}`, ERR_WAL_FOLD (the log's fold is not the Wal's, or none is recorded). If the log was taken away or
   * replaced, also with ERR_WAL_DIVERGED, or with what opening the log that is there now rejects with: ERR_WAL_NOT_FOUND,
   * ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION.
   *
   * The error's `outcome` is `not-written` if the entry is certainly not in the log, and `unknown` if it may be: append it
   * again with the same `key`, and it is in the log once.
   */
  append(entry: Entry, options?: requests.AppendOptions): Promise<AppendResult> {
    return this.#appends.append(entry, options, entryBody);
  }

  /** Appends entries as one line: all of them get into the log, one after the other, or none. Rejects as `append` does. */
  appendBatch(entries: readonly Entry[], options?: requests.AppendOptions): Promise<AppendResult> {
    return this.#appends.append(entries, options, batchBody);
  }

  /**
   * Resolves once there is room for an append: at once if pending appends hold less than `maxPendingBytes`. Calls that
   * wait resolve one after the other. Rejects with ERR_WAL_CLOSED.
   */
  ready(): Promise<void> {
    this.#access.checkOutside();
    try {
      this.#access.checkOpen();
      return this.#appender.queue.ready();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Appends one entry and blocks this thread until it is safe: for hooks and exit handlers, where nothing can be awaited.
   * All appends that are pending go first, however many. Throws what `append` rejects with, except ERR_WAL_BACKLOG and
   * ERR_WAL_ABORTED: a `signal` is ERR_WAL_ARGUMENT.
   */
  appendSync(entry: Entry, options: Omit<requests.AppendOptions, 'signal'> = {}): AppendResult {
    return this.#appends.appendSync(entry, options);
  }

  /**
   * Raises the log's key window: from here on an idempotency key is looked for among that many of the last entries, by
   * every process that has the log open. Keys that are already out of the window stay out. Appends an entry `wal.keys`,
   * and resolves once that is as safe as the option `durability` says.
   *
   * Rejects with ERR_WAL_ARGUMENT (not a whole number up to 10,000,000), with ERR_WAL_KEY_WINDOW if the window is larger
   * already (keys that a caller may still retry would be forgotten), and as `append` does.
   */
  async raiseKeyWindow(window: number): Promise<AppendResult> {
    return this.#appends.raiseKeyWindow(window);
  }

  /** Throws if the log has another key window. */
  async #checkKeyWindow(wanted: number, readOnly: boolean): Promise<void> {
    if (readOnly) await this.#head();
    const { window } = this.#appender.tail.keys.scope;
    if (window !== wanted) throw keyWindowError(this.#store.info(), window, wanted);
  }

  /**
   * The current state by id, in memory, as a fold makes it from the records. Default: the Wal's own fold. On a Wal that was
   * opened read-only, a table has no updates and transactions.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_CLOSED, ERR_WAL_FOLD (the fold failed, or the log was compacted with another),
   * ERR_WAL_CORRUPT, ERR_WAL_DIVERGED, ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION,
   * ERR_WAL_FORMAT, ERR_WAL_VERSION or ERR_WAL_IO.
   */
  table<V = unknown>(options: TableOptions<V> = {}): Promise<Table<V>> {
    return this.#access.run(async () => {
      const fold = this.#foldOf(options);
      const { Table } = await import('../table/table.ts');
      const table = await Table.open(this.#tableHost, fold);
      this.#warnOfOtherFold(fold);
      return table;
    });
  }

  /** Warns, once per Wal, if a state is not the one that the log's compactions keep. */
  #warnOfOtherFold<V>(used: Fold<V>): void {
    this.#warnedOfOtherFold ||= warnOfOtherFold(this.#appender.tail.fold, used);
  }

  /** The fold of a state: the one that the call names, else the Wal's, else `lastData`. */
  #foldOf<V>(options: TableOptions<V>): Fold<V> {
    const { fold } = readOptions(options, ['fold']);
    return fold ?? ((this.#fold ?? lastData) as Fold<V>);
  }

  /**
   * The state as it was after an entry, or at a time in milliseconds since the epoch: then every entry counts whose `ts` is
   * not later, wherever it is in the log, in the order of the log. In an atomic batch each entry counts by its own `ts`.
   *
   * Rejects as `table` does; with ERR_WAL_ARGUMENT also for an entry past the end, or within a batch; and with
   * ERR_WAL_COMPACTED for a moment before the oldest snapshot (`seq`: the first entry at which the state is known).
   */
  stateAt<V = unknown>(moment: Moment, options: TableOptions<V> = {}): Promise<PastState<V>> {
    return this.#access.run(async () => {
      const fold = this.#foldOf(options);
      const parts = { store: this.#store, clock: this.#clock };
      const { stateAt } = await import('../table/past.ts');
      const past = await stateAt(parts, fold, moment, () => this.#head());
      this.#warnOfOtherFold(fold);
      return past;
    });
  }

  /**
   * Folds the log into a snapshot and deletes what the snapshot makes unnecessary. From then on, opening and loading cost
   * what the state costs, however old the log is. Any process may do so at any time, while others write. What was
   * compacted away can no longer be read as records (ERR_WAL_COMPACTED); tables continue from the snapshot.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_CLOSED, ERR_WAL_READ_ONLY, ERR_WAL_LATCHED, ERR_WAL_UNSUPPORTED (a log kept in
   * git), ERR_WAL_FOLD (the fold failed, or the log was compacted with another), ERR_WAL_NO_SPACE, ERR_WAL_SYNC, and as
   * `table` does.
   */
  compact<V = unknown>(options: CompactOptions<V> = {}): Promise<CompactReport> {
    return this.#access.run(async () => {
      this.#access.checkWritable();
      const { compact } = await import('../table/compact.ts');
      return compact(this.#compactHost, options);
    });
  }

  /**
   * Copies the log, while others write, to a directory that is missing or empty. The copy is a log that opens and verifies:
   * all of it is read before it gets its name. It holds all that was acknowledged before the call, and appears whole and
   * synced, or not at all. To continue from the copy, `restore` it: the copy has this log's id, and may share files with it.
   *
   * Rejects with ERR_WAL_ARGUMENT (the copy would be inside the log's directory, outside its `backups`), ERR_WAL_CLOSED,
   * ERR_WAL_EXISTS, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_NO_SPACE, ERR_WAL_ABORTED, ERR_WAL_COMPACTED
   * (the log is compacted again and again meanwhile), ERR_WAL_NOT_FOUND, ERR_WAL_MISSING or ERR_WAL_IO. If the log is
   * damaged, with the error that `verify` reports, such as ERR_WAL_CORRUPT or ERR_WAL_DIVERGED, unless `onDamage` is `keep`.
   */
  backup(destination: string, options: BackupOptions = {}): Promise<BackupReport> {
    return this.#access.run(async () => {
      const { backupStore } = await import('../copy/backup.ts');
      return backupStore(this.#store, this.#clock, destination, options);
    });
  }

  /**
   * Reads the records of a range, in order, up to the end that the log has when the reading gets there.
   *
   * Throws ERR_WAL_ARGUMENT or ERR_WAL_CLOSED. The reading ends in ERR_WAL_CORRUPT (with segment, offset, seq) if
   * acknowledged entries are or may be missing; in ERR_WAL_DIVERGED if `from` is a cursor that is not in the log, a segment
   * belongs to another log, or segments are missing; in ERR_WAL_COMPACTED if its first entry was compacted away (`seq`: the
   * last entry that was, so that `seq + 1` can be read; the head at which a compaction was made is a cursor like any
   * other); in ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT or
   * ERR_WAL_IO if its files cannot be read; and in ERR_WAL_CLOSED if the Wal is closed meanwhile.
   */
  read<T = unknown>(options: requests.ReadOptions = {}): AsyncGenerator<LogRecord<T>, void, undefined> {
    this.#access.checkOpen();
    const { range, skips, onSkip } = requests.checkRead(options);
    return (
      skips
        ? pastDamage(this.#store, this.#clock, { ...range, onSkip })
        : readRecords(this.#store, this.#clock, { ...range, follow: undefined })
    ) as AsyncGenerator<LogRecord<T>, void, undefined>;
  }

  /**
   * Reads the records from a place on, and then those that are appended, until `signal` aborts or the Wal is closed. If the
   * log is replaced, following continues as long as the new one has the record that was delivered last; otherwise it ends
   * in ERR_WAL_DIVERGED. Followers of one Wal share one open file and one sync; a follower that falls more than 1 MiB
   * behind reads by itself.
   *
   * Throws, and ends, as `read` does; with `durable` also in ERR_WAL_SYNC.
   */
  follow<T = unknown>(options: requests.FollowOptions = {}): AsyncGenerator<LogRecord<T>, void, undefined> {
    this.#access.checkOpen();
    const { from, signal, durable } = requests.checkFollow(options);
    const shared = this.#following[durable ? 'durable' : 'plain'];
    const signals = [this.#stop.signal, ...(signal ? [signal] : [])];
    return readRecords(this.#store, this.#clock, {
      from,
      to: undefined,
      follow: { signal: anySignal(signals), durable, shared },
    }) as AsyncGenerator<LogRecord<T>, void, undefined>;
  }

  /**
   * The number of the log's last entry and its line's crc, as the log is now: a cursor. They change only when an entry is
   * appended, not when the log is compacted or begins a new segment. Seq 0 if the log is empty.
   *
   * Rejects with ERR_WAL_CLOSED, ERR_WAL_DIVERGED (another log, or a segment of one, is there now), ERR_WAL_NOT_FOUND,
   * ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION or ERR_WAL_IO.
   */
  head(): Promise<Head> {
    return this.#access.run(() => this.#head());
  }

  async #head(): Promise<Head> {
    await this.#store.catchUp(this.#appender.tail);
    return this.#appender.tail.head;
  }

  /**
   * The first entry that was not compacted away: 1 unless there is a snapshot. If that entry is missing, `read` says so.
   * Rejects with ERR_WAL_CLOSED, ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_PERMISSION or ERR_WAL_IO.
   */
  oldest(): Promise<number> {
    return this.#access.run(async () => this.#store.oldest());
  }

  /**
   * Reads the whole log, past damage too, and reports what is in it and, for what is damaged or missing, whether it had
   * been acknowledged. Changes nothing. What is wrong with the lines is in the report's `error`.
   *
   * Rejects with ERR_WAL_ARGUMENT or ERR_WAL_CLOSED; with ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY,
   * ERR_WAL_PERMISSION, ERR_WAL_FORMAT or ERR_WAL_IO if the files cannot be read; with ERR_WAL_COMPACTED if the log is
   * compacted again and again meanwhile; and with what `onProgress` throws.
   */
  verify(options: requests.VerifyOptions = {}): Promise<VerifyReport> {
    return this.#access.run(async () => {
      const { onProgress } = readOptions(options, ['onProgress']);
      const { verifyLog } = await import('../log/verify.ts');
      return verifyLog(this.#store, this.#clock, callback('onProgress', onProgress));
    });
  }

  /** Counts and times since the Wal was opened, or since the last call with `reset`. Throws ERR_WAL_ARGUMENT. */
  stats(options: requests.StatsOptions = {}): WalStats {
    const { reset } = readOptions(options, ['reset']);
    const resets = boolean('reset', reset ?? false);
    const report = this.#stats.report();
    if (resets) this.#stats.reset();
    return report;
  }

  /** What kind of log this is, where it is, and how it is locked. */
  info(): WalInfo {
    const { keys, head, fold } = this.#appender.tail;
    const { window: keyWindow } = keys.scope;
    const keysFrom = firstInScope(keys.scope, head.seq);
    return { ...this.#store.info(), keyWindow, keysFrom, fold, limits: this.#limits };
  }

  /**
   * Waits for what is under way, such as appends, compactions, backups, verifying, and tables being loaded; ends follows
   * and watches; and closes files and lock. A read that has not reached its end by then ends in ERR_WAL_CLOSED. A second
   * call answers as the first. An append that fails meanwhile rejects its own call; `close` rejects only with what a lock
   * of the caller's own throws in its `close`.
   */
  close(): Promise<void> {
    this.#access.checkOutside();
    this.#closed ??= this.#close();
    this.#access.end();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#appender.idle();
    await this.#autoCompaction?.idle();
    await this.#access.idle();
    await this.#appender.witness.end();
    await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function* pastDamage(...parts: Parameters<typeof readPastDamage>): ReturnType<typeof readPastDamage> {
  const { readPastDamage } = await import('../log/past-damage.ts');
  yield* readPastDamage(...parts);
}
