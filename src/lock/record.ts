import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { type Holder, messageOf, WalError } from '../errors/errors.ts';
import { publish, readWhole } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';

/** The kinds of lock that the wal.lock of a log can name. */
export const LOCK_KINDS = ['kernel', 'lockfile'] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

/** The error for an unknown kind. */
export function badKind(kind: unknown, kinds: readonly string[]): WalError {
  const message = `There is no kind of lock "${messageOf(kind)}": use ${kinds.join(' or ')}.`;
  return new WalError('ERR_WAL_ARGUMENT', message);
}

/*
 * wal.lock has a fixed size, so that nothing is ever appended to it: the kind in the first 64 bytes, the last
 * holder in the next 256, each one line of JSON padded with spaces.
 */
const KIND_BYTES = 64;
const HOLDER_BYTES = 256;

function field(value: unknown, length: number): Buffer {
  return Buffer.from(`${JSON.stringify(value).padEnd(length - 1)}\n`);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** The kind of lock that this machine uses for the log; undefined if none is recorded yet. */
export function readKind(storage: Storage, path: string): LockKind | undefined {
  const bytes = readWhole(storage, path, KIND_BYTES);
  if (bytes === undefined) return undefined;
  const kind = kindIn(bytes);
  if (LOCK_KINDS.includes(kind as LockKind)) return kind as LockKind;
  refuseLink(storage, path);
  throw new WalError(
    'ERR_WAL_LOCK_KIND',
    `${path} does not name a kind of lock that this version knows: delete it if no process uses the log, or run "jsonl-wal lock set kernel" (or lockfile).`,
  );
}

function kindIn(bytes: Buffer): unknown {
  return (parse(bytes) as { kind?: unknown } | null | undefined)?.kind;
}

/**
 * Whether a wal.lock exists that is empty or holds something else. One of another version names some kind.
 */
export function namesNoKind(storage: Storage, path: string): boolean {
  const bytes = storage.isLink(path) ? undefined : readWhole(storage, path, KIND_BYTES);
  return bytes !== undefined && typeof kindIn(bytes) !== 'string';
}

/** Records the kind if none is recorded yet; returns the recorded one. */
export function chooseKind(storage: Storage, path: string, kind: LockKind, token: string): LockKind {
  const bytes = Buffer.concat([field({ kind }, KIND_BYTES), field(null, HOLDER_BYTES)]);
  if (publish(storage, path, bytes, token, permissionsIn(storage, dirname(path)))) return kind;
  return readKind(storage, path) ?? kind;
}

/**
 * Changes the kind. Open Wals keep the old kind until they close: two kinds at once cost retries and nothing
 * else.
 */
export function changeKind(storage: Storage, path: string, kind: LockKind, token: string): void {
  refuseLink(storage, path);
  if (storage.look(path) === undefined) chooseKind(storage, path, kind, token);
  const file = storage.open(path, 'update');
  try {
    file.writeAt(field({ kind }, KIND_BYTES), 0);
  } finally {
    file.close();
  }
}

/** The target of a link does not belong to the log and is not written to. */
function refuseLink(storage: Storage, path: string): void {
  if (!storage.isLink(path)) return;
  const message = `${path} is a symbolic link, whose target may not belong to the log: move it away.`;
  throw new WalError('ERR_WAL_FORMAT', message);
}

/** The holder named in the hint; undefined if there is none that can be read. */
export function readHolder(storage: Storage, path: string): Holder | undefined {
  const bytes = readWhole(storage, path, KIND_BYTES + HOLDER_BYTES);
  const holder = bytes && (parse(bytes.subarray(KIND_BYTES)) as Partial<Holder> | null | undefined);
  if (typeof holder?.pid !== 'number' || typeof holder.since !== 'number') return undefined;
  return { pid: holder.pid, host: String(holder.host), thread: Number(holder.thread), since: holder.since };
}

/**
 * 0 is the main thread. In a worker, Node sets `process.chdir.disabled`: reading that avoids loading
 * node:worker_threads.
 */
function threadOf({ chdir }: NodeJS.Process & { chdir?: { disabled?: boolean } }): number {
  return chdir?.disabled ? process.getBuiltinModule('node:worker_threads').threadId : 0;
}

const SINCE_DIGITS = 16;
const SINCE = 10 ** (SINCE_DIGITS - 1);

/** Writes any holder into the hint. For the lab: nothing depends on it. */
export function writeHolder(storage: Storage, path: string, holder: Holder): void {
  const file = storage.open(path, 'update');
  try {
    file.writeAt(field(holder, HOLDER_BYTES), KIND_BYTES);
  } finally {
    file.close();
  }
}

/**
 * Writes the hint that names the holder of the lock: one overwrite per call, for people; it decides nothing.
 */
export class HolderHint {
  readonly #file: StorageFile;
  /** Built once: only the digits of `since` change from turn to turn. */
  readonly #bytes: Buffer;
  readonly #digits: number;

  constructor(storage: Storage, path: string) {
    this.#file = storage.open(path, 'update');
    // A test may have replaced either by anything.
    const pid = typeof process.pid === 'number' ? process.pid : 0;
    const who = { pid, host: String(hostname()).slice(0, 64), thread: threadOf(process) };
    this.#bytes = field({ ...who, since: SINCE }, HOLDER_BYTES);
    this.#digits = this.#bytes.indexOf(`${SINCE}`);
  }

  write(since: number): void {
    this.#bytes.write(`${since}`.padEnd(SINCE_DIGITS).slice(0, SINCE_DIGITS), this.#digits, 'latin1');
    try {
      this.#file.writeAt(this.#bytes, KIND_BYTES);
    } catch {
      // The hint decides nothing, so writing it may fail: on a copy-on-write file system a full disk refuses
      // even to overwrite.
    }
  }

  close(): void {
    this.#file.close();
  }
}
