import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { hasCode } from '../errors/errors.ts';
import { temporaryName } from '../format/names.ts';
import { fileSystemKind } from './filesystem.ts';
import type { FileAccess, FileLook, FileSystem, Permissions, Storage, StorageFile } from './storage.ts';

const {
  COPYFILE_EXCL,
  COPYFILE_FICLONE_FORCE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} = fs.constants;
/** Without it, opening a pipe waits until another process opens the other end. Windows has neither. */
const O_NONBLOCK = fs.constants.O_NONBLOCK ?? 0;

const FLAGS: Readonly<Record<FileAccess, number>> = {
  read: O_RDONLY | O_NONBLOCK,
  append: O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK,
  'append-existing': O_RDWR | O_APPEND | O_NONBLOCK,
  update: O_RDWR | O_NONBLOCK,
  create: O_WRONLY | O_CREAT | O_EXCL | O_APPEND,
};

function lookOf(stats: fs.BigIntStats | fs.Stats): FileLook {
  return {
    device: stats.dev,
    inode: stats.ino,
    size: Number(stats.size),
    directory: stats.isDirectory(),
    mode: Number(stats.mode) & 0o3777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    modifiedMs: Number(stats.mtimeMs),
  };
}

/** Some file systems have inode numbers beyond the safe integers of a double. Only those pay for bigints. */
function isRounded({ dev, ino }: fs.Stats): boolean {
  return ino > Number.MAX_SAFE_INTEGER || dev > Number.MAX_SAFE_INTEGER;
}

const NO_THROW = { throwIfNoEntry: false } as const;
const EXACT = { throwIfNoEntry: false, bigint: true } as const;

/** Node reads no more than 2^31 - 1 bytes at once. */
const MOST_READ_BYTES = 2 ** 30;

const LAST_AND_NEXT = Buffer.alloc(2);

class NodeFile implements StorageFile {
  readonly descriptor: number;
  #syncing = 0;
  #closing = false;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  look(): FileLook {
    const stats = fs.fstatSync(this.descriptor);
    return lookOf(isRounded(stats) ? fs.fstatSync(this.descriptor, EXACT) : stats);
  }

  size(): number {
    return fs.fstatSync(this.descriptor).size;
  }

  /** Whether the descriptor has an end: a file or a directory does, a pipe or a device does not. */
  get isBounded(): boolean {
    const stats = fs.fstatSync(this.descriptor);
    return stats.isFile() || stats.isDirectory();
  }

  endsAt(size: number): boolean {
    // Asked for the last byte and one more, read returns only the last.
    return size === 0 ? this.size() === 0 : fs.readSync(this.descriptor, LAST_AND_NEXT, 0, 2, size - 1) === 1;
  }

  read(target: Buffer, position: number): number {
    return fs.readSync(this.descriptor, target, 0, Math.min(target.length, MOST_READ_BYTES), position);
  }

  append(pieces: readonly Buffer[]): number {
    if (pieces.length === 1) return fs.writeSync(this.descriptor, pieces[0] as Buffer);
    return fs.writevSync(this.descriptor, pieces);
  }

  writeAt(bytes: Buffer, position: number): void {
    fs.writeSync(this.descriptor, bytes, 0, bytes.length, position);
  }

  sync(): Promise<void> {
    this.#syncing++;
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.descriptor, (error) => {
        // If the descriptor were closed during a sync, it could belong to another file by the time the sync
        // runs.
        if (--this.#syncing === 0 && this.#closing) fs.closeSync(this.descriptor);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  syncNow(): void {
    fs.fdatasyncSync(this.descriptor);
  }

  close(): void {
    if (this.#syncing > 0) this.#closing = true;
    else fs.closeSync(this.descriptor);
  }
}

/**
 * The functions of node:fs that proper-lockfile uses. It copies the whole object that it is given at every
 * lock, and its default has a hundred functions.
 */
export const lockfileFileSystem = {
  mkdir: fs.mkdir,
  mkdirSync: fs.mkdirSync,
  realpath: fs.realpath,
  realpathSync: fs.realpathSync,
  rmdir: fs.rmdir,
  rmdirSync: fs.rmdirSync,
  stat: fs.stat,
  statSync: fs.statSync,
  utimes: fs.utimes,
  utimesSync: fs.utimesSync,
};

/**
 * Makes a directory and its parents; returns the first one made. Node's own `recursive` never returns where
 * the system says ENOENT although the parent exists (/proc), and reports ENOENT for a read-only disk.
 */
function makeDirectory(path: string, as?: Permissions): string | undefined {
  const parent = dirname(path);
  // Node replaces bytes that are not UTF-8 by this character: it would make a directory of another name.
  if (path.includes('\ufffd') && !fs.existsSync(path)) {
    const message = `EILSEQ: illegal byte sequence, mkdir '${path}'`;
    throw Object.assign(new Error(message), { code: 'EILSEQ', path });
  }
  let made: string | undefined;
  for (let first = true; ; first = false) {
    try {
      fs.mkdirSync(path, as && OWNER_ONLY.directory);
      if (as !== undefined) giveAt(path, O_RDONLY | O_DIRECTORY, as);
      return made ?? path;
    } catch (error) {
      if (fs.statSync(path, NO_THROW)?.isDirectory()) return made;
      if (!first || parent === path || !hasCode(error, 'ENOENT')) throw error;
    }
    made = makeDirectory(parent, as);
  }
}

/** Not `rmSync`: if a file may not be removed, that takes it for a directory and reports ENOTDIR. */
function remove(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function descriptorOf(path: string, flags: number, mode: number): number {
  try {
    return fs.openSync(path, flags, mode);
  } catch (error) {
    // A file server holds a lease on the file for a client: an open without that flag waits until the lease
    // is released.
    if (!hasCode(error, 'EAGAIN') || !fs.statSync(path, NO_THROW)?.isFile()) throw error;
    return fs.openSync(path, flags & ~O_NONBLOCK, mode);
  }
}

/**
 * Opens a file. Refuses a pipe, a socket or a device, where a read may never end, with ENXIO, as open(2)
 * itself does for some of them. A directory is opened: the first read reports EISDIR.
 */
function openFile(path: string, access: FileAccess, mode = 0o666): NodeFile {
  const file = new NodeFile(descriptorOf(path, FLAGS[access], mode));
  if (file.isBounded) return file;
  file.close();
  const message = `ENXIO: no such device or address, open '${path}'`;
  throw Object.assign(new Error(message), { code: 'ENXIO', path });
}

/**
 * Lower-case hex digits from the system's random source, which node:crypto uses too: loading that module
 * takes a short process longer than its append.
 */
export function randomHex(count: number): string {
  return (systemBytes(Math.ceil(count / 2)) ?? process.getBuiltinModule('node:crypto').randomBytes(count))
    .toString('hex')
    .slice(0, count);
}

/** Undefined if the system has no such device, or does not let this process read it. */
function systemBytes(count: number): Buffer | undefined {
  let device: number | undefined;
  try {
    device = fs.openSync('/dev/urandom', O_RDONLY | O_NONBLOCK);
    const bytes = Buffer.alloc(count);
    const isDevice = fs.fstatSync(device).isCharacterDevice();
    return isDevice && fs.readSync(device, bytes) === count ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    if (device !== undefined) fs.closeSync(device);
  }
}

/**
 * The modes with which files and directories are created: no other user gets access before the group is set
 * for which the other bits are meant.
 */
const OWNER_ONLY = { file: 0o600, directory: 0o700 } as const;

/** Creates a file with permissions. */
function makeFile(path: string, as: Permissions): NodeFile {
  const file = openFile(path, 'create', OWNER_ONLY.file);
  give(file.descriptor, as);
  return file;
}

/**
 * Opens a file to append. A missing file is created under another name and then linked, so that no process
 * sees it with other permissions.
 */
function openOrMake(path: string, as: Permissions): NodeFile {
  try {
    return openFile(path, 'append-existing');
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  const temporary = temporaryName(path, nodeStorage.maker, randomHex(12));
  try {
    makeFile(temporary, as).close();
    fs.linkSync(temporary, path);
  } catch {
    // Another process was first, or there are no hard links here. If something is wrong, the open below
    // reports it.
  } finally {
    quietly(() => remove(temporary));
  }
  return openFile(path, 'append', as.mode);
}

/**
 * Sets owner, group and mode of a new file or directory, as far as the system and the file system allow this
 * process to.
 */
function give(descriptor: number, { mode, uid, gid }: Permissions): void {
  const made = fs.fstatSync(descriptor);
  const owner = process.geteuid?.() === 0 ? (uid ?? made.uid) : made.uid;
  const group = gid ?? made.gid;
  if (owner !== made.uid || group !== made.gid) quietly(() => fs.fchownSync(descriptor, owner, group));
  const bits = made.isDirectory()
    ? (mode & 0o3777) | (made.mode & 0o2000) | OWNER_ONLY.directory
    : (mode & 0o777) | OWNER_ONLY.file;
  if ((made.mode & 0o7777) !== bits) quietly(() => fs.fchmodSync(descriptor, bits));
}

/** Like `give`, by name, for what cannot be created open. A symbolic link put there since is not followed. */
function giveAt(path: string, flags: number, as: Permissions): void {
  // Windows has neither owners nor modes, and cannot open directories.
  if (process.platform === 'win32') return;
  quietly(() => {
    const descriptor = fs.openSync(path, flags | fs.constants.O_NOFOLLOW);
    give(descriptor, as);
    fs.closeSync(descriptor);
  });
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // It keeps what the system gave it.
  }
}

function isLink(path: string): boolean {
  return fs.lstatSync(path, NO_THROW)?.isSymbolicLink() === true;
}

/** The real disk. Only this file imports node:fs. */
export const nodeStorage: Storage = {
  maker: { host: hostname(), pid: process.pid },
  isGone: (pid) => {
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      return !hasCode(error, 'EPERM');
    }
  },
  makeDirectory,
  list: (path) => fs.readdirSync(path),
  open: (path, access, as) => {
    if (access === 'append' && as !== undefined) return openOrMake(path, as);
    return access === 'create' && as !== undefined ? makeFile(path, as) : openFile(path, access);
  },
  look: (path) => {
    const stats = fs.statSync(path, NO_THROW);
    if (stats === undefined) return undefined;
    if (stats.ino <= Number.MAX_SAFE_INTEGER && stats.dev <= Number.MAX_SAFE_INTEGER) return lookOf(stats);
    const exact = fs.statSync(path, EXACT);
    return exact && lookOf(exact);
  },
  isLink,
  link: (existing, path) => fs.linkSync(isLink(existing) ? fs.realpathSync(existing) : existing, path),
  reflink: (existing, path) => {
    fs.copyFileSync(existing, path, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    giveAt(path, O_RDONLY, lookOf(fs.statSync(existing)));
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove,
  removeDirectory: (path) => fs.rmdirSync(path),
  syncDirectory: (path) => {
    // Windows cannot open directories, and makes names durable by itself.
    if (process.platform === 'win32') return;
    const directory = fs.openSync(path, O_RDONLY);
    try {
      fs.fsyncSync(directory);
    } finally {
      fs.closeSync(directory);
    }
  },
  fileSystem: (path): FileSystem => fileSystemKind(fs.statfsSync(path).type, process.platform, path),
  watch: (directory, changed, ended) => {
    // macOS and Windows report a write only when the file is closed or flushed. Changes made by other machines on a
    // network, or by the host of a container or virtual machine, are not reported.
    const tellsAll = process.platform === 'linux' && nodeStorage.fileSystem(directory) === 'local';
    const watcher = fs.watch(directory, { persistent: false }, (_, name) => changed(name ?? undefined));
    watcher.on('error', ended);
    return { tellsAll, close: () => watcher.close() };
  },
};
