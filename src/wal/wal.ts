import { debuglog } from 'node:util';
import { type Clock, wholeDate } from '../clock/clock.ts';
import { YieldBudget } from '../clock/yield-budget.ts';
import type { BackupOptions, BackupReport } from '../copy/backup.ts';
import type { RestoreOptions, RestoreReport } from '../copy/restore.ts';
import { messageOf, WalError } from '../errors/errors.ts';
import { openFileStore } from '../file/open.ts';
import type { Head } from '../format/chain.ts';
import { type Body, batchBody, type Entry, type EntryRules, entryBody, raiseBody } from '../format/entry.ts';
import { type FoldIdentity, foldLabel } from '../format/fold-identity.ts';
import { firstInScope, MOST_KEY_WINDOW } from '../format/key-scope.ts';
import type { Rewind } from '../format/mark.ts';
import type { LogRecord } from '../format/record.ts';
import type { GateObserver } from '../lock/gate.ts';
import { Appender, latchedError } from '../log/appender.ts';
import type { readPastDamage } from '../log/past-damage.ts';
import type { AppendResult, Decide } from '../log/pending.ts';
import { readRecords } from '../log/reader.ts';
import { SharedReading } from '../log/shared-reading.ts';
import { Stats, type WalStats } from '../log/stats.ts';
import type { VerifyReport } from '../log/verify.ts';
import {
  badArgument,
  boolean,
  callback,
  integer,
  type Limits,
  oneOf,
  readOptions,
} from '../options/options.ts';
import { anySignal } from '../options/signals.ts';
import type { RepairOptions, RepairReport } from '../repair/model.ts';
import { type Environment, realEnvironment, sessionName } from '../setup/environment.ts';
import { type ResolvedOptions, resolveOptions, type WalOptions } from '../setup/options.ts';
import {
  type AppendOptions,
  checkAppend,
  checkFrom,
  checkSignal,
  type FollowOptions,
  NOTHING_ASKED,
  type ReadOptions,
  type StatsOptions,
  type VerifyOptions,
} from '../setup/requests.ts';
import { resolveDirectory } from '../storage/directory.ts';
import { orReadOnly } from '../storage/error.ts';
import { filesOf } from '../store/refusals.ts';
import type { LineStore, StoreInfo } from '../store/store.ts';
import { type AutoCompactHost, AutoCompaction } from '../table/auto-compact.ts';
import type { CompactOptions, CompactReport } from '../table/compact.ts';
import { type Fold, lastData } from '../table/fold.ts';
import { checkOutside } from '../table/outside.ts';
import type { Moment, PastState } from '../table/past.ts';
import { Replicas } from '../table/replicas.ts';
import { Revs } from '../table/revs.ts';
import type { Table, TableHost, TableOptions } from '../table/table.ts';
import { BackgroundTasks } from './background-tasks.ts';

const debug = debuglog('jsonl-wal');

/** What one open Wal is called, in its lines and in the debug log. */
export interface Session {
  readonly name: string;
  /** Undefined where nobody listens. */
  readonly debug: ((message: string) => void) | undefined;
}

export function makeSession({ randomHex }: Environment): Session {
  const name = sessionName(randomHex);
  return { name, debug: debug.enabled ? (message) => debug('%s: %s', name, message) : undefined };
}

/** What a Wal is made of beside its store. */
export interface WalParts extends Limits, WalSettings {
  readonly clock: Clock;
  /** How long appends may keep this thread. */
  readonly budget: YieldBudget;
  readonly stats: Stats;
  readonly session: Session;
}

type WalSettings = Pick<ResolvedOptions, 'readOnly' | 'keyWindow' | 'fold' | 'autoCompact' | 'onRewound'>;

/** What a Wal says of its log and of itself. */
export interface WalInfo extends StoreInfo {
  /** Among how many of the log's last entries an idempotency key is looked for, as far as this Wal has read the log. */
  readonly keyWindow: number;
  /** The first entry whose key the next append would be held against, as far as this Wal has read the log. */
  readonly keysFrom: number;
  /** The log's fold, as far as this Wal has read its lines and snapshots; undefined where it knows of none. */
  readonly fold?: FoldIdentity | undefined;
  readonly limits: Limits;
}

/** Makes the body of what is appended. */
type BodyMaker<E> = (what: E, now: number, rules: EntryRules, key: string | undefined) => Body;

/**
 * An append-only log that many processes and threads write at once. One readable line of JSON an entry; nothing
 * acknowledged is lost or doubled, even where the lock is broken.
 */
export class Wal {
  readonly #store: LineStore;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #readOnly: boolean;
  readonly #appender: Appender;
  readonly #stats: Stats;
  /** Undefined where the caller named none. */
  readonly #fold: Fold | undefined;
  readonly #autoCompaction: AutoCompaction | undefined;
  /** What reads or writes files of the store for longer than a turn. */
  readonly #tasks = new BackgroundTasks();
  readonly #stop = new AbortController();
  /** What those who follow share. */
  readonly #following: Readonly<Record<'durable' | 'plain', SharedReading>>;
  readonly #replicas: Replicas;
  readonly #revs: Revs;
  #toldOtherFold = false;
  #closed: Promise<void> | undefined;

  /**
   * Opens the log in a directory, which is made where it is missing.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_NOT_FOUND (`create: false`, or `readOnly`), ERR_WAL_NOT_A_DIRECTORY,
   * ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION, ERR_WAL_KEY_WINDOW or ERR_WAL_IO; and for writing also with ERR_WAL_CORRUPT (open
   * read-only to look), ERR_WAL_MISSING (a sync service keeps a file elsewhere, or no file is left of what this machine saw acknowledged), ERR_WAL_DIVERGED, ERR_WAL_LOCK_KIND, ERR_WAL_LOCK_UNAVAILABLE, ERR_WAL_NETWORK_FS,
   * ERR_WAL_UNSUPPORTED (no hard links), ERR_WAL_NO_SPACE, ERR_WAL_SYNC, and ERR_WAL_LOCK_TIMEOUT (a strict lock, where a
   * failed sync is made good).
   */
  static async open(directory: string, options: WalOptions = {}): Promise<Wal> {
    return Wal.openIn(realEnvironment, directory, options);
  }

  /**
   * `Wal.open` with another disk, clock or randomness; for the lab.
   * @internal
   */
  static async openIn(environment: Environment, directory: string, options: WalOptions = {}): Promise<Wal> {
    const place = resolveDirectory(directory);
    const resolved = resolveOptions(options);
    const { now, onLockWait } = resolved;
    const clock = now ? { ...environment.clock, now: () => wholeDate(now) } : environment.clock;
    const budget = new YieldBudget(clock, resolved.blockMs);
    const stats = new Stats();
    const session = makeSession(environment);
    const store = await openFileStore({
      ...environment,
      ...resolved,
      clock,
      budget,
      directory: place,
      observe: observeLock(stats, session, onLockWait),
      warn: (message, code) => process.emitWarning(message, { code }),
    });
    return Wal.on(store, { ...resolved, clock, budget, stats, session });
  }

  /**
   * A Wal on a store that was opened; where it cannot be one, the store is closed.
   * @internal
   */
  static async on(store: LineStore, parts: WalParts): Promise<Wal> {
    const { readOnly, keyWindow, fold, onRewound } = parts;
    const wal = new Wal(store, parts);
    try {
      if (!readOnly) await wal.#appender.begin();
      else if (onRewound !== undefined) await wal.#appender.look();
      if (keyWindow !== undefined) await wal.#checkKeyWindow(keyWindow);
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
   * Makes a new log, with an id of its own, of a backup or of any log's directory, in a directory that is not there yet or
   * empty; it appears there whole, synced, or not at all. Lines are copied byte for byte, never linked; what does not count
   * is left out. The source is only read, and may be in use.
   *
   * Rejects with ERR_WAL_ARGUMENT (also for a `toSeq` past the end, or within a batch), ERR_WAL_COMPACTED (`toSeq` lies before
   * the oldest snapshot), ERR_WAL_CORRUPT and ERR_WAL_DIVERGED (the source is damaged: see `onDamage`), ERR_WAL_EXISTS,
   * ERR_WAL_NOT_FOUND, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION, ERR_WAL_NO_SPACE,
   * ERR_WAL_ABORTED or ERR_WAL_IO.
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
   * Mends a damaged log. No byte that is there is changed or cut off, and no entry that can be read is lost; run again, it
   * finds nothing to do. Others may have the log open meanwhile.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_CORRUPT or ERR_WAL_DIVERGED (`tail` is not enough, or would bury entries that can
   * be read), ERR_WAL_CONFLICT (somebody wrote just then), ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION,
   * ERR_WAL_FORMAT (`tail`), ERR_WAL_VERSION, ERR_WAL_NETWORK_FS, ERR_WAL_LOCK_KIND, ERR_WAL_LOCK_UNAVAILABLE,
   * ERR_WAL_LOCK_TIMEOUT, ERR_WAL_UNSUPPORTED, ERR_WAL_NO_SPACE, ERR_WAL_SYNC, ERR_WAL_ABORTED or ERR_WAL_IO.
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
    this.#readOnly = parts.readOnly;
    this.#stats = stats;
    this.#appender = new Appender({
      store,
      clock,
      budget: parts.budget,
      stats,
      session: session.name,
      ...this.#limits,
      sealed: () => this.#autoCompaction?.sealed(),
      rewound: (rewind) => tellRewind(onRewound, rewind),
      debug: session.debug,
    });
    this.#fold = fold;
    const { signal } = this.#stop;
    this.#following = {
      durable: new SharedReading(store, clock, true, signal),
      plain: new SharedReading(store, clock, false, signal),
    };
    this.#replicas = new Replicas({ store, clock, tail: this.#appender.tail });
    this.#revs = new Revs(this.#tableHost, fold);
    const { git, keepEvents } = store.info();
    if (autoCompact !== undefined && !git && keepEvents !== true)
      this.#autoCompaction = new AutoCompaction(this.#compactHost, autoCompact);
  }

  /**
   * Appends one entry, and resolves once it is as safe as the option `durability` says. It is read and dated before the call
   * returns. Too many at once are rejected with ERR_WAL_BACKLOG: `ready()` tells when there is room.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_ENTRY, ERR_WAL_TOO_LARGE, ERR_WAL_BACKLOG, ERR_WAL_CLOSED, ERR_WAL_READ_ONLY, ERR_WAL_LATCHED,
   * ERR_WAL_ABORTED, ERR_WAL_CONFLICT, ERR_WAL_KEY_REUSED, ERR_WAL_LOCK_TIMEOUT (a strict lock), ERR_WAL_LOCK_UNAVAILABLE, ERR_WAL_NO_SPACE,
   * ERR_WAL_FULL, ERR_WAL_CORRUPT, ERR_WAL_IO, ERR_WAL_SYNC or, of `expect: {rev}`, ERR_WAL_FOLD (the log's fold is not the Wal's, or none is recorded); and where the log was taken away or replaced, with ERR_WAL_DIVERGED or
   * what opening what lies there now is refused with: ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY,
   * ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION. The error's `outcome` is `not-written` where the entry is surely not in the log, and
   * `unknown` where it may be: append it again with the same `key`, and it is there once.
   */
  append(entry: Entry, options?: AppendOptions): Promise<AppendResult> {
    return this.#append(entry, options, entryBody);
  }

  /** Appends entries as one line: all of them are in the log, one after the other, or none. Rejects as `append` does. */
  appendBatch(entries: readonly Entry[], options?: AppendOptions): Promise<AppendResult> {
    return this.#append(entries, options, batchBody);
  }

  #append<E>(what: E, options: AppendOptions | undefined, bodyOf: BodyMaker<E>): Promise<AppendResult> {
    const appender = this.#appender;
    if (appender.group.deciding) checkOutside(appender);
    try {
      const { expect, rev, key, signal } = options === undefined ? NOTHING_ASKED : checkAppend(options);
      this.#checkWritable();
      appender.queue.requireRoom();
      const body = bodyOf(what, this.#clock.now(), this.#limits, key);
      const decide = rev === undefined ? undefined : this.#atRev(rev, body);
      // Only a transaction can come to append nothing.
      return appender.append({ body, expect, decide, signal }) as Promise<AppendResult>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Decides by the rev of the body's id. */
  #atRev(rev: number, body: Body): Decide {
    const { id } = JSON.parse(`{${body.text}}`) as { id?: string };
    if (id === undefined) throw badArgument('expect.rev is for one entry: a batch has many ids');
    return (preceding) => {
      this.#revs.require(id, rev, preceding);
      return body;
    };
  }

  /**
   * Resolves once there is room for an append: at once where what is on its way holds less than `maxPendingBytes`. Those who
   * wait are told one after the other. Rejects with ERR_WAL_CLOSED.
   */
  ready(): Promise<void> {
    checkOutside(this.#appender);
    try {
      this.#checkOpen();
      return this.#appender.queue.ready();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Appends one entry, blocking this thread until it is safe: for hooks and exit handlers, where nothing can be
   * awaited. Appends that are on their way go first, however many. Throws what `append` rejects with, but for ERR_WAL_BACKLOG and
   * ERR_WAL_ABORTED: a `signal` is ERR_WAL_ARGUMENT.
   */
  appendSync(entry: Entry, options: Omit<AppendOptions, 'signal'> = {}): AppendResult {
    const { expect, rev, key, signal } = checkAppend(options);
    if (rev !== undefined)
      throw badArgument('appendSync takes no expect.rev: it blocks, and revs may have to be loaded');
    if (signal !== undefined)
      throw badArgument('appendSync takes no signal: it blocks, so that nothing could abort it');
    this.#checkWritable();
    filesOf(this.#store, 'appendSync');
    const body = entryBody(entry, this.#clock.now(), this.#limits, key);
    return this.#appender.appendNow({ body, expect });
  }

  /**
   * Raises the log's key window: from here on an idempotency key is looked for among so many of the last entries, also by all
   * who have the log open. Keys that were out of the window by then stay out. It appends an entry `wal.keys`, and resolves
   * once that is as safe as the option `durability` says.
   *
   * Rejects with ERR_WAL_ARGUMENT (not a whole number to 10,000,000), with ERR_WAL_KEY_WINDOW where the window is larger already
   * (keys that a caller may still try again would be forgotten), and as `append` does.
   */
  async raiseKeyWindow(window: number): Promise<AppendResult> {
    checkOutside(this.#appender);
    this.#checkWritable();
    const body = raiseBody(integer('The key window', window, 0, MOST_KEY_WINDOW), this.#clock.now());
    const decide = (): Body => {
      const { scope } = this.#appender.tail.keys;
      if (scope.window > window) throw keyWindowError(this.#store.info(), scope.window, window);
      return body;
    };
    return this.#appender.append({ body, decide }) as Promise<AppendResult>;
  }

  /** Throws where the log looks for keys among another number of entries. */
  async #checkKeyWindow(wanted: number): Promise<void> {
    if (this.#readOnly) await this.#head();
    const { window } = this.#appender.tail.keys.scope;
    if (window !== wanted) throw keyWindowError(this.#store.info(), window, wanted);
  }

  /**
   * The current state by id, in memory, as a fold makes it of the records: by default the Wal's own. Works
   * on a Wal that was opened read-only too, but for updates and transactions.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_CLOSED, ERR_WAL_FOLD (the fold failed, or the log was compacted with another),
   * ERR_WAL_CORRUPT, ERR_WAL_DIVERGED, ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT,
   * ERR_WAL_VERSION or ERR_WAL_IO.
   */
  table<V = unknown>(options: TableOptions<V> = {}): Promise<Table<V>> {
    checkOutside(this.#appender);
    return this.#tasks.note(this.#table(options));
  }

  async #table<V>(options: TableOptions<V>): Promise<Table<V>> {
    this.#checkOpen();
    const { fold } = readOptions(options, ['fold']);
    const { Table } = await import('../table/table.ts');
    const table = await Table.open(this.#tableHost, fold ?? this.#ownFold<V>());
    this.#tellOtherFold(fold ?? this.#ownFold<V>());
    return table;
  }

  /** Warns, once a Wal, where a state is not the one that the log's compactions keep. */
  #tellOtherFold<V>({ name, version }: Fold<V>): void {
    const { fold: recorded } = this.#appender.tail;
    if (recorded === undefined || this.#toldOtherFold) return;
    if (recorded.name === name && recorded.version <= version) return;
    this.#toldOtherFold = true;
    process.emitWarning(
      `this log's fold is ${foldLabel(recorded)}: the state that ${foldLabel({ name, version })} makes is not the log's own, and cannot be made once the log is compacted. If that was not meant, name the log's fold`,
      { code: 'WAL_FOLD' },
    );
  }

  /** What a table uses where it is given no fold. */
  #ownFold<V>(): Fold<V> {
    return (this.#fold ?? lastData) as Fold<V>;
  }

  /**
   * The state as it was after an entry, or at a time (milliseconds since the epoch): then of every entry whose `ts` is not later, wherever
   * it lies, in the order of the log. In an atomic batch each entry counts by its own `ts`.
   *
   * Rejects as `table` does; with ERR_WAL_ARGUMENT also for an entry past the end, or within a batch, and with
   * ERR_WAL_COMPACTED for a moment before the oldest snapshot (`seq`: from where on it can be told).
   */
  stateAt<V = unknown>(moment: Moment, options: TableOptions<V> = {}): Promise<PastState<V>> {
    checkOutside(this.#appender);
    return this.#tasks.note(this.#stateAt(moment, options));
  }

  async #stateAt<V>(moment: Moment, options: TableOptions<V>): Promise<PastState<V>> {
    this.#checkOpen();
    const { fold } = readOptions(options, ['fold']);
    const parts = { store: this.#store, clock: this.#clock };
    const { stateAt } = await import('../table/past.ts');
    const past = await stateAt(parts, fold ?? this.#ownFold<V>(), moment, () => this.#head());
    this.#tellOtherFold(fold ?? this.#ownFold<V>());
    return past;
  }

  /**
   * Folds the log into a snapshot and deletes what that makes needless: afterwards opening and loading cost what the
   * state does, however long the log's life. Any process may do so at any time, while others write. What was compacted
   * away cannot be read as records any more (ERR_WAL_COMPACTED); tables go on from the snapshot.
   *
   * Rejects with ERR_WAL_ARGUMENT, ERR_WAL_CLOSED, ERR_WAL_READ_ONLY, ERR_WAL_LATCHED, ERR_WAL_UNSUPPORTED (a log kept in
   * git), ERR_WAL_FOLD (the fold failed, or the log was compacted with another), ERR_WAL_NO_SPACE, ERR_WAL_SYNC, and as
   * `table` does.
   */
  compact<V = unknown>(options: CompactOptions<V> = {}): Promise<CompactReport> {
    checkOutside(this.#appender);
    return this.#tasks.note(this.#compact(options));
  }

  async #compact<V>(options: CompactOptions<V>): Promise<CompactReport> {
    this.#checkWritable();
    const { compact } = await import('../table/compact.ts');
    return compact(this.#compactHost, options);
  }

  get #compactHost(): AutoCompactHost {
    return {
      store: this.#store,
      clock: this.#clock,
      appender: this.#appender,
      fold: this.#fold,
      warn: (message) => process.emitWarning(message, { code: 'WAL_AUTO_COMPACT' }),
    };
  }

  /**
   * Copies the log to a directory that is not there yet or empty, while others write. The copy is a log that opens and
   * verifies: all of it is read before it gets its name. It holds all that was acknowledged before the call; it appears
   * there whole, synced, or not at all. To go on from it, `restore` it: it bears this log's id, and may share files with it.
   *
   * Rejects with ERR_WAL_ARGUMENT (it would lie inside the log, elsewhere than in its `backups`), ERR_WAL_CLOSED,
   * ERR_WAL_EXISTS, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_NO_SPACE, ERR_WAL_ABORTED, ERR_WAL_COMPACTED
   * (again and again, meanwhile), ERR_WAL_NOT_FOUND, ERR_WAL_MISSING or ERR_WAL_IO; and where the log is damaged with the error that verifying
   * it tells, such as ERR_WAL_CORRUPT or ERR_WAL_DIVERGED, unless `onDamage` is `keep`.
   */
  backup(destination: string, options: BackupOptions = {}): Promise<BackupReport> {
    checkOutside(this.#appender);
    return this.#tasks.note(this.#backup(destination, options));
  }

  async #backup(destination: string, options: BackupOptions): Promise<BackupReport> {
    this.#checkOpen();
    const { backupStore } = await import('../copy/backup.ts');
    return backupStore(this.#store, this.#clock, destination, options);
  }

  get #tableHost(): TableHost {
    return {
      store: this.#store,
      clock: this.#clock,
      appender: this.#appender,
      replicas: this.#replicas,
      rules: this.#limits,
      closing: this.#stop.signal,
      note: (work) => this.#tasks.note(work),
      checkOpen: () => this.#checkOpen(),
      checkWritable: () => this.#checkWritable(),
      warn: (message) => process.emitWarning(message, { code: 'WAL_SLOW_TRANSACTION' }),
    };
  }

  /**
   * Reads the records of a range, in order, up to where the log ends when the reading gets there.
   *
   * Throws ERR_WAL_ARGUMENT or ERR_WAL_CLOSED. The reading ends in ERR_WAL_CORRUPT (with segment, offset, seq) where
   * acknowledged entries are missing or may be, in ERR_WAL_DIVERGED where `from` is a cursor that is not in the log, a
   * segment is another log's, or segments are missing, in ERR_WAL_COMPACTED where what it begins with was compacted away (`seq`: the last entry that
   * was, so that `seq + 1` can be read; the head at which one was made is a cursor like any other), and in ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT or
   * ERR_WAL_IO where its files cannot be read, and in ERR_WAL_CLOSED where the Wal is closed meanwhile.
   */
  read<T = unknown>(options: ReadOptions = {}): AsyncGenerator<LogRecord<T>, void, undefined> {
    const { from, to, onDamage, onSkip } = readOptions(options, ['from', 'to', 'onDamage', 'onSkip']);
    this.#checkOpen();
    const range = {
      from: checkFrom(from),
      to: to === undefined ? undefined : integer('to', to, 0, Number.MAX_SAFE_INTEGER),
    };
    const skips = oneOf('onDamage', onDamage ?? 'error', ['error', 'skip']) === 'skip';
    const tell = callback('onSkip', onSkip);
    if (tell !== undefined && !skips) throw badArgument("onSkip goes with onDamage: 'skip'");
    return (
      skips
        ? pastDamage(this.#store, this.#clock, { ...range, onSkip: tell })
        : readRecords(this.#store, this.#clock, { ...range, follow: undefined })
    ) as AsyncGenerator<LogRecord<T>, void, undefined>;
  }

  /**
   * Reads the records from a place on, and goes on with those to come, until `signal` aborts or the Wal is closed. A
   * log that was replaced is followed on if it still has the record delivered last, else ERR_WAL_DIVERGED. Followers of one Wal share one
   * open file and one sync; one that falls more than 1 MiB behind reads by itself.
   *
   * Throws, and ends, as `read` does; with `durable` also in ERR_WAL_SYNC.
   */
  follow<T = unknown>(options: FollowOptions = {}): AsyncGenerator<LogRecord<T>, void, undefined> {
    const { from, signal, durable } = readOptions(options, ['from', 'signal', 'durable']);
    this.#checkOpen();
    checkSignal(signal);
    const isDurable = boolean('durable', durable ?? false);
    const shared = this.#following[isDurable ? 'durable' : 'plain'];
    const signals = [this.#stop.signal, ...(signal ? [signal] : [])];
    return readRecords(this.#store, this.#clock, {
      from: checkFrom(from),
      to: undefined,
      follow: { signal: anySignal(signals), durable: isDurable, shared },
    }) as AsyncGenerator<LogRecord<T>, void, undefined>;
  }

  /**
   * The last entry's number and its line's crc, as the log is now: a cursor. They change only when an entry comes, not when the log
   * is compacted or goes on in another segment. Seq 0 where it is empty.
   *
   * Rejects with ERR_WAL_CLOSED, ERR_WAL_DIVERGED (another log lies there now, or a segment of one), ERR_WAL_NOT_FOUND, ERR_WAL_MISSING,
   * ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION or ERR_WAL_IO.
   */
  head(): Promise<Head> {
    checkOutside(this.#appender);
    return this.#tasks.note(this.#openHead());
  }

  async #openHead(): Promise<Head> {
    this.#checkOpen();
    return this.#head();
  }

  async #head(): Promise<Head> {
    await this.#store.catchUp(this.#appender.tail);
    return this.#appender.tail.head;
  }

  /**
   * The first entry that was not compacted away: 1, unless a snapshot is there. Where it is missing, `read` says so. Rejects
   * with ERR_WAL_CLOSED, ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_PERMISSION or ERR_WAL_IO.
   */
  oldest(): Promise<number> {
    checkOutside(this.#appender);
    return this.#oldest();
  }

  async #oldest(): Promise<number> {
    this.#checkOpen();
    return this.#store.oldest();
  }

  /**
   * Reads the whole log, past damage too, and says what is in it, and of what is damaged or missing whether it had been
   * acknowledged. Changes nothing. What is wrong with the lines is in the report's `error`.
   *
   * Rejects with ERR_WAL_ARGUMENT or ERR_WAL_CLOSED; with ERR_WAL_NOT_FOUND, ERR_WAL_MISSING, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION,
   * ERR_WAL_FORMAT or ERR_WAL_IO where the files cannot be read; with ERR_WAL_COMPACTED where the log is compacted again
   * and again meanwhile; and with what `onProgress` throws.
   */
  verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    checkOutside(this.#appender);
    return this.#tasks.note(this.#verify(options));
  }

  async #verify(options: VerifyOptions): Promise<VerifyReport> {
    const { onProgress } = readOptions(options, ['onProgress']);
    this.#checkOpen();
    const { verifyLog } = await import('../log/verify.ts');
    return verifyLog(this.#store, this.#clock, callback('onProgress', onProgress));
  }

  /** Counts and times since the Wal was opened, or since the last call with `reset`. Throws ERR_WAL_ARGUMENT. */
  stats(options: StatsOptions = {}): WalStats {
    const { reset } = readOptions(options, ['reset']);
    const resets = boolean('reset', reset ?? false);
    const report = this.#stats.report();
    if (resets) this.#stats.reset();
    return report;
  }

  /** What kind of log this is, where it lies, and how it is locked. */
  info(): WalInfo {
    const { keys, head, fold } = this.#appender.tail;
    const { window: keyWindow } = keys.scope;
    const keysFrom = firstInScope(keys.scope, head.seq);
    return { ...this.#store.info(), keyWindow, keysFrom, fold, limits: this.#limits };
  }

  /**
   * Waits for all that goes on, such as appends, compactions, backups, verifying, and tables that are being loaded, ends follows and
   * watches, and lets go of files and lock. A read that is not at its end by then ends in ERR_WAL_CLOSED. The second call
   * answers as the first. An append that fails meanwhile tells its own caller; rejects only with what a lock of the caller's own
   * throws in `close`.
   */
  close(): Promise<void> {
    checkOutside(this.#appender);
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#appender.idle();
    await this.#autoCompaction?.idle();
    await this.#tasks.ended();
    await this.#appender.witness.end();
    await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#appender.group.deciding) checkOutside(this.#appender);
    if (this.#closed !== undefined)
      throw new WalError('ERR_WAL_CLOSED', 'The Wal is closed: open it again.', { outcome: 'not-written' });
  }

  /** Whether it is open, and open for writing. */
  #checkWritable(): void {
    if (this.#closed !== undefined || this.#appender.group.deciding) this.#checkOpen();
    if (this.#readOnly) {
      throw new WalError(
        'ERR_WAL_READ_ONLY',
        'The Wal was opened read-only: open it without readOnly to append.',
        { outcome: 'not-written' },
      );
    }
    const { failure } = this.#appender;
    if (failure !== undefined) throw latchedError(failure);
  }
}

async function* pastDamage(...parts: Parameters<typeof readPastDamage>): ReturnType<typeof readPastDamage> {
  const { readPastDamage } = await import('../log/past-damage.ts');
  yield* readPastDamage(...parts);
}

/** Tells the caller, but not within the turn that it may have been found in. */
function tellRewind(onRewound: WalOptions['onRewound'], rewind: Rewind): void {
  Promise.resolve(rewind)
    .then(onRewound)
    .catch((error) => process.emitWarning(`onRewound threw (${messageOf(error)})`, { code: 'WAL_REWOUND' }));
}

function keyWindowError({ location }: StoreInfo, window: number, wanted: number): WalError {
  const advice =
    wanted > window
      ? `Name no number, or raise the log's ("jsonl-wal keys --window ${wanted}")`
      : 'Name no number: the window is never lowered, for keys that somebody may still try again would be forgotten';
  return new WalError(
    'ERR_WAL_KEY_WINDOW',
    `The log in ${location} looks for a key among its last ${window} entries, not ${wanted}. ${advice}.`,
    { outcome: 'not-written' },
  );
}

/** Counts what happens at the lock, tells it to the debug log, and passes waits on to the caller. */
function observeLock(stats: Stats, { debug }: Session, onLockWait: WalOptions['onLockWait']): GateObserver {
  let warned = false;
  return {
    counts: stats,
    waiting: (waitedMs, holder) => {
      debug?.(`waiting for the lock for ${Math.round(waitedMs)} ms`);
      try {
        onLockWait?.(waitedMs, holder);
      } catch (error) {
        if (warned) return;
        warned = true;
        const message = `onLockWait threw (${messageOf(error)}); the append goes on`;
        process.emitWarning(message, { code: 'WAL_LOCK_WAIT' });
      }
    },
    takenOver: (waitedMs, holder) => {
      const pid = holder?.pid ?? 'unknown';
      debug?.(`the lock was not free within ${Math.round(waitedMs)} ms (pid ${pid}): going on without it`);
    },
  };
}
