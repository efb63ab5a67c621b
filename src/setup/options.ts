import type { Holder } from '../errors/errors.ts';
import { MOST_KEY_WINDOW } from '../format/key-scope.ts';
import type { Rewind } from '../format/mark.ts';
import type { Lock } from '../lock/lock.ts';
import { LEAST_STALE_MS } from '../lock/lockfile.ts';
import {
  badArgument,
  boolean,
  callback,
  integer,
  type LimitOptions,
  type Limits,
  number,
  oneOf,
  readFields,
  readOptions,
  resolveLimits,
} from '../options/options.ts';
import { type AutoCompact, type AutoCompactOptions, resolveAutoCompact } from '../table/auto-compact.ts';
import { checkFold, type Fold } from '../table/fold.ts';

/** The source of the dates that a Wal writes. */
export interface WalClock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Options of `Wal.open`. Times are in milliseconds, sizes in bytes. */
export interface WalOptions extends LimitOptions {
  /**
   * The lock that orders the writers. `auto`: the kind that this machine already uses for the log; for the first process
   * that opens the log, `kernel` if that loads and the file system is local, else `lockfile`. `kernel` and `lockfile`: only
   * that kind; ERR_WAL_LOCK_KIND if the log is locked with the other. `none`: no lock at all; nothing is lost, but writers
   * overtake each other. Or a lock of the caller's own. Default `auto`.
   */
  readonly lock?: 'auto' | 'kernel' | 'lockfile' | 'none' | Lock | undefined;
  /**
   * How long to wait for a lock whose holder is stuck; after that the writer continues without the lock, at no risk. With
   * Infinity the lock is strict: the writer waits without limit (an append can be aborted). 0 to 2^31-1 or Infinity; default 1,000 for
   * `kernel`, staleMs + 1,000 for `lockfile`.
   */
  readonly lockTimeoutMs?: number | undefined;
  /**
   * Whether an append that has waited for lockTimeoutMs fails with ERR_WAL_LOCK_TIMEOUT, instead of continuing without the
   * lock. Always so if the file system is not local. Default false.
   */
  readonly strictLock?: boolean | undefined;
  /**
   * The longest time, in milliseconds, for which appends block this thread without letting the event loop turn: while they wait for the
   * lock, and while they sync. After that they wait without blocking; where syncs usually take longer, they run in Node's thread pool.
   * Smaller values keep other work responsive and make appends slower. 0 to 1,000, fractions allowed; default 1.5. Making a new segment is not
   * bounded by it, and `appendSync` ignores it.
   */
  readonly blockMs?: number | undefined;
  /** Age at which the holder of a lockfile is considered dead. 2,000 to 3,600,000; default 2,000. */
  readonly staleMs?: number | undefined;
  /** Whether to make the directory and the log if they are missing; false: ERR_WAL_NOT_FOUND. Default true. */
  readonly create?: boolean | undefined;
  /** Neither write to the log nor make one. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Whether a new log is to be kept in git: it stays in one segment, so that a merge sees all of it. No effect on an existing log. Default false. */
  readonly git?: boolean | undefined;
  /**
   * Among how many of the log's last entries an idempotency key is looked for. The window belongs to the log: a new log is
   * made with this one, and an existing log with another one is refused with ERR_WAL_KEY_WINDOW; `raiseKeyWindow` raises it.
   * A batch's key is found as long as the batch's last entry is among them. 0 (never) to 10,000,000; default: the log's, or
   * 100,000 for a new log.
   */
  readonly keyWindow?: number | undefined;
  /**
   * A segment of this length is sealed, and the log continues in a new one. This limits what opening has to read, and what a
   * compaction can delete at once. 4,096 to 2^30; default 256 KiB. A log kept in git stays in one segment.
   */
  readonly segmentBytes?: number | undefined;
  /**
   * How records become state: the fold of `table`, `compact`, `expect: {rev}` and `autoCompact` if they are given no other.
   * A Wal that may write records the fold's name and version in the log: from then on no other fold may compact the log. A
   * later version that cannot resume from the newest snapshot, because it lacks `upgrade`, is not recorded. Default: none is
   * recorded, and tables use `lastData`, the last `data` of an id, until an entry with op `delete`.
   */
  readonly fold?: Fold | undefined;
  /**
   * Whether the entries themselves are the data, and not only the state that they lead to. A log that is made with this
   * option is never compacted (ERR_WAL_UNSUPPORTED). An existing log is not compacted by this Wal. Default false.
   */
  readonly keepEvents?: boolean | undefined;
  /**
   * Whether this Wal compacts the log by itself, in the background, once that is due, which it checks each time it has
   * filled a segment. Needs the option `fold`. `close` waits for such a compaction. If it fails, the process gets a warning
   * (code WAL_AUTO_COMPACT). No effect on a log kept in git, or made with `keepEvents`. Default false; true: with the
   * defaults of AutoCompactOptions.
   */
  readonly autoCompact?: boolean | AutoCompactOptions | undefined;
  /** Whether to allow a network file system; then only one machine may write. Default false. */
  readonly allowNetwork?: boolean | undefined;
  /**
   * Permissions of a new log's files, exactly; their owner may always read and write them. 0 to 0o777; default: 0o666 less
   * the umask. No effect on an existing log: a new file takes the mode of the log's newest one, and if root makes it, also
   * the owner and group.
   */
  readonly fileMode?: number | undefined;
  /** Permissions of the directories that are made for a new log. 0 to 0o777; default: 0o777 less the umask. */
  readonly directoryMode?: number | undefined;
  /**
   * The source of the dates that are written: `ts` of entries that have none of their own, `created` of snapshots and of a
   * new log. For tests of applications. A fraction is rounded down. If `now` throws, or returns what is no date, the
   * machine's date is written. Waits, time-outs, and the age of locks and files follow the machine's own clock, also under
   * the fake timers of a test. Default: `Date.now`.
   */
  readonly clock?: WalClock | undefined;
  /**
   * Called when the lock is not free at once, and every second after that; with the lock's holder from the first second on.
   * If it throws, the append continues; the first time, the process gets a warning (code WAL_LOCK_WAIT).
   */
  readonly onLockWait?: ((waitedMs: number, holder: Holder | undefined) => void) | undefined;
  /**
   * Called if entries that were acknowledged on this machine are no longer in the log: it was cut, an older copy was put in
   * its place, or another branch was checked out. At opening, the file wal.mark says what was acknowledged; later, each time
   * the log is found to have been replaced, also what this Wal had acknowledged counts. Appends continue from where the log
   * ends now, and give the same numbers again. If it throws, the process gets a warning (code WAL_REWOUND).
   */
  readonly onRewound?: ((rewind: Rewind) => void) | undefined;
}

const KNOWN = [
  'durability',
  'maxEntryBytes',
  'maxPendingBytes',
  'values',
  'lock',
  'lockTimeoutMs',
  'strictLock',
  'blockMs',
  'staleMs',
  'create',
  'readOnly',
  'git',
  'keyWindow',
  'segmentBytes',
  'fold',
  'keepEvents',
  'autoCompact',
  'allowNetwork',
  'fileMode',
  'directoryMode',
  'clock',
  'onLockWait',
  'onRewound',
] as const satisfies readonly (keyof WalOptions)[];

const MOST_MS = 2 ** 31 - 1;
/** A smaller value costs an append in a crowd more processor time; with a larger one, a process that serves requests is 3 ms late now and then. */
const BLOCK_MS = 1.5;

export interface ResolvedOptions extends Limits {
  readonly lock: NonNullable<WalOptions['lock']>;
  readonly lockTimeoutMs: number | undefined;
  readonly strictLock: boolean;
  readonly blockMs: number;
  readonly staleMs: number;
  readonly create: boolean;
  readonly readOnly: boolean;
  readonly git: boolean;
  readonly keyWindow: number | undefined;
  readonly segmentBytes: number;
  /** Undefined unless the caller named one. */
  readonly fold: Fold | undefined;
  readonly keepEvents: boolean;
  readonly autoCompact: AutoCompact | undefined;
  readonly allowNetwork: boolean;
  /** Undefined for what the umask allows. */
  readonly modes: Readonly<Record<'file' | 'directory', { readonly mode: number } | undefined>>;
  /** Undefined for the machine's date. */
  readonly now: (() => unknown) | undefined;
  readonly onLockWait: WalOptions['onLockWait'];
  readonly onRewound: WalOptions['onRewound'];
}

/** Checks options and fills in the defaults. */
export function resolveOptions(given: WalOptions): ResolvedOptions {
  const options = readOptions(given, KNOWN);
  const { lockTimeoutMs: timeout } = options;
  const segmentBytes = integer('segmentBytes', options.segmentBytes ?? 2 ** 18, 4096, 2 ** 30);
  return {
    ...resolveLimits(options),
    lock: lockOf(options.lock ?? 'auto'),
    lockTimeoutMs:
      timeout === undefined || timeout === Infinity ? timeout : integer('lockTimeoutMs', timeout, 0, MOST_MS),
    strictLock: boolean('strictLock', options.strictLock ?? false),
    blockMs: number('blockMs', options.blockMs ?? BLOCK_MS, 0, 1000),
    staleMs: integer('staleMs', options.staleMs ?? LEAST_STALE_MS, LEAST_STALE_MS, 3_600_000),
    create: boolean('create', options.create ?? true),
    readOnly: boolean('readOnly', options.readOnly ?? false),
    git: boolean('git', options.git ?? false),
    keyWindow:
      options.keyWindow === undefined
        ? undefined
        : integer('keyWindow', options.keyWindow, 0, MOST_KEY_WINDOW),
    segmentBytes,
    fold: checkedFold(options.fold),
    keepEvents: boolean('keepEvents', options.keepEvents ?? false),
    autoCompact: autoCompactOf(options, segmentBytes),
    allowNetwork: boolean('allowNetwork', options.allowNetwork ?? false),
    modes: {
      file: modeOf('fileMode', options.fileMode),
      directory: modeOf('directoryMode', options.directoryMode),
    },
    now: dateOf(options.clock),
    onLockWait: callback('onLockWait', options.onLockWait),
    onRewound: callback('onRewound', options.onRewound),
  };
}

function modeOf(name: string, mode: number | undefined) {
  return mode === undefined ? undefined : { mode: integer(name, mode, 0, 0o777) };
}

/** Returns the caller's own object, so that tables which are given the same object share one state. */
function checkedFold(fold: Fold | undefined): Fold | undefined {
  if (fold !== undefined) checkFold(fold);
  return fold;
}

function autoCompactOf(
  { autoCompact = false, fold }: WalOptions,
  segmentBytes: number,
): AutoCompact | undefined {
  const resolved = resolveAutoCompact(autoCompact, segmentBytes);
  if (resolved === undefined || fold !== undefined) return resolved;
  throw badArgument(
    'autoCompact deletes entries once the state holds what they lead to: it needs the option fold, which says how the state is made (fold: lastData keeps the last data of each id, and nothing else)',
  );
}

function dateOf(clock: WalClock | undefined): (() => unknown) | undefined {
  if (clock === undefined) return undefined;
  const { now } = readFields('The clock', clock, ['now']);
  if (typeof now !== 'function') throw badArgument('clock must have the method now');
  return () => now.call(clock);
}

function lockOf(lock: unknown): NonNullable<WalOptions['lock']> {
  if (typeof lock !== 'object' || lock === null)
    return oneOf('lock', lock, ['auto', 'kernel', 'lockfile', 'none'] as const);
  const methods = readFields('A lock of your own', lock as Partial<Lock>, ['tryAcquire', 'release', 'close']);
  for (const [name, method] of Object.entries(methods)) {
    if (typeof method !== 'function') throw badArgument(`A lock of your own must have the method ${name}`);
  }
  return lock as Lock;
}
