import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { YieldBudget } from '../clock/yield-budget.ts';
import { type Holder, hasCode, WalError } from '../errors/errors.ts';
import type { FoldIdentity } from '../format/fold-identity.ts';
import { DEFAULT_KEY_WINDOW } from '../format/key-scope.ts';
import type { Meta } from '../format/meta.ts';
import { LOCK_FILE, segmentName } from '../format/names.ts';
import { emptiedError } from '../layout/absent.ts';
import { repairFailedSync } from '../layout/failed-sync.ts';
import { lastFile, layoutOf, startAtEnd } from '../layout/layout.ts';
import { type Modes, makeLog, readMeta } from '../layout/log-directory.ts';
import { MarkFile } from '../layout/mark-file.ts';
import { checkLock, chooseLock } from '../lock/choose.ts';
import { Gate, type GateObserver } from '../lock/gate.ts';
import type { Lock } from '../lock/lock.ts';
import { HolderHint, type LockKind, readHolder } from '../lock/record.ts';
import { fileError, orReadOnly } from '../storage/error.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { FileSystem, Storage } from '../storage/storage.ts';
import { FileStore } from './file-store.ts';
import type { WriteLock } from './write-turn.ts';

export interface OpenFileStore {
  readonly storage: Storage;
  readonly clock: Clock;
  /** `count` random hex digits. */
  readonly randomHex: (count: number) => string;
  /** A random number from 0 to 1 (not included). */
  readonly random: () => number;
  readonly directory: string;
  readonly create: boolean;
  readonly readOnly: boolean;
  /** The settings of a new log. */
  readonly git: boolean;
  readonly keyWindow: number | undefined;
  readonly fold: FoldIdentity | undefined;
  readonly keepEvents: boolean;
  readonly segmentBytes: number;
  readonly lock: 'auto' | LockKind | 'none' | Lock;
  /** Undefined: the kind's default. */
  readonly lockTimeoutMs: number | undefined;
  readonly strictLock: boolean;
  readonly staleMs: number;
  readonly allowNetwork: boolean;
  readonly modes: Modes;
  readonly observe: GateObserver;
  /** How long waits may keep this thread from other work. */
  readonly budget?: YieldBudget;
  /** Shows a message to the user, once. */
  readonly warn: (message: string, code: 'WAL_STRANGE_FILE_SYSTEM' | 'WAL_LOCK_FILE') => void;
}

/** How long an existing log may be without a file before it is taken for one that has none yet. */
const AWAY_MS = 1000;
const AWAY_LOOK_MS = 25;

const KERNEL_TIMEOUT_MS = 1000;
/** Added to the age at which the lockfile of a dead holder is removed. */
const LOCKFILE_GRACE_MS = 1000;

/**
 * Sleeps between two tries, first and longest: a try takes a microsecond with the kernel's lock, two hundred with a
 * lockfile.
 */
const POLL_MS = { kernel: [0.05, 0.5], lockfile: [0.2, 1] } as const;

/** Opens the log in a directory, which is made if requested; for writing, unless `readOnly`. */
export async function openFileStore(options: OpenFileStore): Promise<FileStore> {
  const { storage, clock, directory, create, readOnly, modes } = options;
  const token = options.randomHex(12);
  const found = readMeta(storage, directory);
  if (found === undefined && (readOnly || !create)) {
    throw new WalError(
      'ERR_WAL_NOT_FOUND',
      `There is no log in ${directory}: make one with "jsonl-wal init", or by opening it to append (without create: false or readOnly).`,
    );
  }
  const storeOn = (meta: Meta, writeLock: WriteLock | undefined) =>
    new FileStore({
      storage,
      clock,
      directory,
      // A Wal opened with `keepEvents` keeps events even if a wal.json that was lost and made again does not say so.
      meta: { ...meta, keepEvents: options.keepEvents || meta.keepEvents },
      writeLock,
      // A merge driver must see the whole log in one file.
      segmentBytes: meta.git ? Infinity : options.segmentBytes,
      randomHex: options.randomHex,
    });
  if (readOnly) return storeOn(found as Meta, undefined);
  const made = found === undefined ? makeDirectory(options) : undefined;
  const fileSystem = fitFileSystem(options);
  const meta =
    found ??
    makeLog(storage, directory, {
      now: clock.now(),
      id: options.randomHex(16),
      token,
      git: options.git,
      keyWindow: options.keyWindow ?? DEFAULT_KEY_WINDOW,
      fold: options.fold && { name: options.fold.name, version: options.fold.version },
      keepEvents: options.keepEvents,
      made,
      as: modes.file,
    });
  let writeLock: WriteLock | undefined;
  try {
    writeLock = openWriteLock(options, fileSystem, token);
    await prepare(options, meta.id, found !== undefined);
    return storeOn(meta, writeLock);
  } catch (error) {
    writeLock?.hint?.close();
    writeLock?.lock.close();
    throw orReadOnly(fileError(error, 'open', directory));
  }
}

/** Returns the first directory that had to be made. */
function makeDirectory({ storage, directory, modes }: OpenFileStore): string | undefined {
  try {
    return storage.makeDirectory(directory, modes.directory);
  } catch (error) {
    throw fileError(error, 'make', directory);
  }
}

/** Refuses network file systems: their O_APPEND is not atomic, and two holders could overwrite each other. */
export function fitFileSystem({ storage, directory, allowNetwork }: OpenFileStore): FileSystem {
  let kind: FileSystem;
  try {
    kind = storage.fileSystem(directory);
  } catch (error) {
    throw fileError(error, 'look at the file system of', directory);
  }
  if (kind === 'network' && !allowNetwork) {
    throw new WalError(
      'ERR_WAL_NETWORK_FS',
      `${directory} is on a network file system, where appending is not atomic: use a local directory, or pass allowNetwork: true if only one machine writes.`,
    );
  }
  return kind;
}

/** Throws if the file system or the lock of an existing log rules out writing. Writes nothing. */
export function checkTurn(options: OpenFileStore): void {
  const fileSystem = fitFileSystem(options);
  checkLock(options.storage, join(options.directory, LOCK_FILE), { lock: options.lock, fileSystem });
}

/** Opens the lock of a log's directory. */
export function openWriteLock(options: OpenFileStore, fileSystem: FileSystem, token: string): WriteLock {
  const { storage, clock, random, directory, staleMs, observe } = options;
  const path = join(directory, LOCK_FILE);
  let lock: Lock | undefined;
  try {
    const { lock: wanted, warn } = options;
    lock = chooseLock(storage, path, {
      lock: wanted,
      staleMs,
      fileSystem,
      token,
      warn: (message) => warn(message, 'WAL_LOCK_FILE'),
    });
    const byFile = lock.kind === 'lockfile';
    const timeoutMs = options.lockTimeoutMs ?? (byFile ? staleMs + LOCKFILE_GRACE_MS : KERNEL_TIMEOUT_MS);
    // A lock that admits every writer is never waited for.
    if (fileSystem === 'strange' && wanted !== 'none') {
      warn(
        `${directory} is on a file system of unknown kind (FUSE, 9P, ...): unlike on a local one, writers do not continue without the ${lock.kind} lock there; an append that does not get the lock within lockTimeoutMs (${timeoutMs}) fails.`,
        'WAL_STRANGE_FILE_SYSTEM',
      );
    }
    const hint = openHint(storage, path);
    const gate = new Gate({
      lock,
      clock,
      budget: options.budget ?? new YieldBudget(clock),
      random,
      timeoutMs,
      strict: options.strictLock || timeoutMs === Infinity || fileSystem !== 'local',
      pollMs: byFile ? POLL_MS.lockfile : POLL_MS.kernel,
      holder: () => holderIn(storage, path),
      observe,
    });
    return { lock, gate, hint };
  } catch (error) {
    lock?.close();
    throw fileError(error, 'open the lock', path);
  }
}

/** The holder of the lock, for people. If that cannot be read, no holder is named, and the wait continues. */
function holderIn(storage: Storage, path: string): Holder | undefined {
  try {
    return readHolder(storage, path);
  } catch {
    return undefined;
  }
}

/**
 * Undefined if wal.lock does not exist (any more), or is a link, whose target may not belong to the log. The hint is
 * only for people.
 */
function openHint(storage: Storage, path: string): HolderHint | undefined {
  if (storage.isLink(path)) return undefined;
  try {
    return new HolderHint(storage, path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Before the first append: repairs the effects of a failed sync, and makes the first segment of a new log. */
async function prepare(options: OpenFileStore, log: string, existed: boolean): Promise<void> {
  const { storage, clock, directory } = options;
  // A checkout removes the segment before it writes the other one: an existing log gets time to come back.
  let isThere = !existed;
  for (let waited = 0; !isThere && waited < AWAY_MS; waited += AWAY_LOOK_MS) {
    isThere = lastFile(layoutOf(storage, directory)) !== undefined;
    if (!isThere) await clock.sleep(AWAY_LOOK_MS);
  }
  if (!isThere) refuseEmptied(options, log);
  const path = join(directory, segmentName(startAtEnd({ storage, directory, log }, true).firstSeq));
  if (storage.look(path) === undefined)
    storage.open(path, 'append', permissionsIn(storage, directory)).close();
  repairFailedSync(storage, directory);
}

/** Throws if no file is left of a log in which this machine saw a synced entry acknowledged. Writes nothing. */
export function refuseEmptied(
  { storage, clock, directory }: Pick<OpenFileStore, 'storage' | 'clock' | 'directory'>,
  log: string,
): void {
  if (lastFile(layoutOf(storage, directory)) !== undefined) return;
  const mark = new MarkFile({ storage, directory, log, now: clock.now }).read();
  // Listed again after reading the mark: if another process has just begun the log, its segment existed before the
  // mark.
  if (mark?.kept && lastFile(layoutOf(storage, directory)) === undefined)
    throw emptiedError(directory, mark.seq);
}
