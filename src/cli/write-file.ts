import { randomBytes } from 'node:crypto';
import {
  accessSync,
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { hasCode, reasonOf, WalError, type WalErrorCode } from '../errors/errors.ts';
import { textOf } from './log.ts';

/** Where a file is to be written. */
export interface Destination {
  /** As it was named. */
  readonly name: string;
  /** Where its links lead. */
  readonly path: string;
  /** A descriptor of this process that it names, as /dev/stdout does. */
  readonly descriptor: number | undefined;
  /** What is there; undefined where nothing is. */
  readonly there: Stats | undefined;
}

/** A file that names a descriptor of the process. */
const DESCRIPTOR = /^\/(?:dev|proc\/(self|thread-self|[0-9]+))\/fd\/([0-9]+)$/;
const MOST_LINKS = 40;

/** Follows the links of a path, also one that leads to nothing. */
export function destinationOf(name: string): Destination {
  return telling(name, () => {
    let path = resolve(name);
    for (let links = 0; links <= MOST_LINKS; links++) {
      const descriptor = descriptorOf(path);
      if (typeof descriptor === 'number') return { name, path, descriptor, there: undefined };
      const there = statSync(path, { throwIfNoEntry: false });
      if (there?.isDirectory()) throw new Error('it is a directory');
      // What such a link tells of a pipe is no path.
      const link = descriptor === null && !there?.isFile() ? undefined : linkAt(path);
      if (link === undefined) {
        const real = join(realpathSync(dirname(path)), basename(path));
        return { name, path: real, descriptor: undefined, there };
      }
      path = resolve(realpathSync(dirname(path)), link);
    }
    throw new Error('its links lead in a circle');
  });
}

/** The descriptor that a path names; null for one of another process. */
function descriptorOf(path: string): number | null | undefined {
  const [, whose = 'self', descriptor] = DESCRIPTOR.exec(path) ?? [];
  if (descriptor === undefined) return undefined;
  return /self$/.test(whose) || Number(whose) === process.pid ? Number(descriptor) : null;
}

/** Where a link leads; undefined where the path is none. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (hasCode(error, 'EINVAL', 'ENOENT', 'UNKNOWN')) return undefined;
    throw error;
  }
}

/**
 * Writes a file that appears whole, with what was there before until then: under a temporary name, synced, renamed. Links are
 * followed and stay, mode, group (of a group that the user is in) and, for root, owner are kept. What is no regular file (a device, a pipe, a descriptor of the process) is written
 * through. `check` is called just before the file takes its place.
 */
export function writeWhole(
  destination: string | Destination,
  pieces: Iterable<string>,
  check: () => void = () => {},
): void {
  const name = typeof destination === 'string' ? destination : destination.name;
  telling(name, () => {
    const where = typeof destination === 'string' ? destinationOf(destination) : destination;
    if (where.descriptor !== undefined) writeAll(where.descriptor, pieces);
    else if (where.there !== undefined && !where.there.isFile()) writeThrough(where.path, pieces);
    else replace(where, pieces, check);
  });
}

function writeThrough(path: string, pieces: Iterable<string>): void {
  const file = openSync(path, constants.O_WRONLY);
  try {
    writeAll(file, pieces);
  } finally {
    closeSync(file);
  }
}

function replace({ path, there }: Destination, pieces: Iterable<string>, check: () => void): void {
  // A user who may not write to a file must not replace it either.
  if (there !== undefined) accessSync(path, constants.W_OK);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', there === undefined ? 0o666 : 0o600);
  try {
    try {
      writeAll(file, pieces);
      if (there !== undefined) keepPermissions(file, there);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    check();
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

function keepPermissions(file: number, { uid, gid, mode }: Stats): void {
  // Only root gives files away; others give them to groups that they are in.
  const owner = process.geteuid?.() === 0 ? uid : fstatSync(file).uid;
  try {
    fchownSync(file, owner, gid);
  } catch (error) {
    if (!hasCode(error, 'EPERM')) throw error;
  }
  fchmodSync(file, mode & 0o7777);
}

function writeAll(file: number, pieces: Iterable<string>): void {
  for (const piece of pieces) {
    for (let rest = Buffer.from(piece); rest.length > 0; ) rest = rest.subarray(writeSome(file, rest));
  }
}

/** How long a full pipe is left to its reader. */
const PAUSE_MS = 5;

function writeSome(file: number, bytes: Buffer): number {
  try {
    return writeSync(file, bytes);
  } catch (error) {
    // A pipe that does not block, and is full.
    if (!hasCode(error, 'EAGAIN')) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    return 0;
  }
}

/** Makes the names in a directory durable. */
export function syncDirectory(path: string): void {
  // Windows opens no directories, and makes names durable by itself.
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Runs what writes a file, and says which where that fails. */
function telling<T>(name: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (error instanceof WalError) throw error;
    const why = hasCode(error, 'ENOENT')
      ? `there is no directory ${dirname(resolve(name))}. Make it, or name another file.`
      : reasonOf(error);
    throw new WalError(codeOf(error), `Cannot write ${name}: ${why}`, { cause: error });
  }
}

function codeOf(error: unknown): WalErrorCode {
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) return 'ERR_WAL_NO_SPACE';
  if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return 'ERR_WAL_PERMISSION';
  return hasCode(error, 'ENOENT') ? 'ERR_WAL_NOT_FOUND' : 'ERR_WAL_IO';
}

/** What of a log's directory belongs to this machine, and not into git. */
const IGNORED = ['wal.lock*', 'wal.failed-sync', 'wal.mark', 'wal.rewound', 'backups/', '*.tmp'];
/** Git must not touch the line ends: a line's checksum is made of its bytes. */
const ATTRIBUTES = ['*.jsonl -text'];

/** A file for git, beside a log. */
export interface GitFile {
  readonly name: string;
  /** Whether there was none before. */
  readonly isNew: boolean;
}

/**
 * Writes .gitignore, and .gitattributes where the log is made for git, or lies in a repository; returns those that it
 * wrote to. `mode`: the permissions of one that it makes.
 */
export function writeGitFiles(directory: string, git: boolean, mode?: number): GitFile[] {
  const wanted = [
    ['.gitignore', IGNORED],
    ...(git || isInRepository(directory) ? ([['.gitattributes', ATTRIBUTES]] as const) : []),
  ] as const;
  const written: GitFile[] = [];
  for (const [name, lines] of wanted) {
    const path = join(directory, name);
    const isNew = !existsSync(path);
    if (!addLines(path, lines)) continue;
    written.push({ name, isNew });
    if (isNew && mode !== undefined) chmodSync(path, mode);
  }
  return written;
}

export function isInRepository(directory: string): boolean {
  for (let at = resolve(directory); ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return true;
    if (at === dirname(at)) return false;
  }
}

/** Names of those files that lack a line, of a log in a repository. */
export function wantingGitFiles(directory: string): string[] {
  const lacks = (name: string, lines: readonly string[]) =>
    missingIn(textOf(join(directory, name)) ?? '', lines).length > 0;
  return [
    ...(lacks('.gitignore', IGNORED) ? ['.gitignore'] : []),
    ...(lacks('.gitattributes', ATTRIBUTES) ? ['.gitattributes'] : []),
  ];
}

function missingIn(text: string, lines: readonly string[]): string[] {
  const there = new Set(text.split('\n').map((line) => line.trim()));
  return lines.filter((line) => !there.has(line));
}

/** Adds the lines that a file lacks, and leaves the rest as it is. */
function addLines(path: string, lines: readonly string[]): boolean {
  const before = textOf(path) ?? '';
  const missing = missingIn(before, lines);
  if (missing.length === 0) return false;
  const newline = before === '' || before.endsWith('\n') ? '' : '\n';
  appendFileSync(path, `${newline}${missing.join('\n')}\n`);
  return true;
}
