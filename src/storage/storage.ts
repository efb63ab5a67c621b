/** The seam to the disk. Paths are absolute. Errors are those of the operating system, with their `code`. */
export interface Storage {
  /** Who makes files here. */
  readonly maker: { readonly host: string; readonly pid: number };
  /** Whether no process of this machine has that number. */
  isGone(pid: number): boolean;
  /** Makes a directory and its parents; returns the first one made, or undefined where all were there. `as`: see `open`. */
  makeDirectory(path: string, as?: Permissions): string | undefined;
  /** File names in a directory. */
  list(path: string): string[];
  /** `as`: what a file that is made has, from the moment it is there on; where it is left out, what the umask leaves. */
  open(path: string, access: FileAccess, as?: Permissions): StorageFile;
  /** Undefined where there is nothing at that path. */
  look(path: string): FileLook | undefined;
  /** Whether the name itself is a symbolic link, wherever that leads. */
  isLink(path: string): boolean;
  /** Gives a file, or the one that a symbolic link leads to, another name; EEXIST where that is taken. */
  link(existing: string, path: string): void;
  /** Makes a file that shares another's blocks until either is written to; throws where the file system cannot, or the name is taken. */
  reflink(existing: string, path: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Removes an empty directory. */
  removeDirectory(path: string): void;
  /** Makes names in a directory survive a crash. */
  syncDirectory(path: string): void;
  /** What kind of file system a path is on. */
  fileSystem(path: string): FileSystem;
  /**
   * Calls `changed` after something in a directory changed, with the file's name where that is known (the directory's own, where that was moved
   * or deleted). Calls `ended` where the system tells no more. No process is kept alive by it. Throws where nothing can be watched.
   */
  watch(directory: string, changed: (name?: string) => void, ended: () => void): DirectoryWatch;
}

export interface DirectoryWatch {
  /** Whether it tells of every change to the files there, at once; otherwise it is a hint that may be missing. */
  readonly tellsAll: boolean;
  close(): void;
}

/**
 * `read`: must exist. `append`: read, and write at the end only; made where missing. `append-existing`: must exist.
 * `update`: read, and write anywhere; must exist. `create`: write at the end, must not exist.
 */
export type FileAccess = 'read' | 'append' | 'append-existing' | 'update' | 'create';

/** What a file is made with, whatever the umask; its owner may read and write it in any case. */
export interface Permissions {
  readonly mode: number;
  /** Its owner: root alone can give it. */
  readonly uid?: number;
  /** Its group: root, and who is in that group, can give it. */
  readonly gid?: number;
}

export interface FileLook extends Required<Permissions> {
  /** With `inode`, what tells a file from another. Exact: a bigint where a number would round it. */
  readonly device: number | bigint;
  readonly inode: number | bigint;
  readonly size: number;
  readonly directory: boolean;
  /** When it was last written to, in milliseconds since the epoch. */
  readonly modifiedMs: number;
}

export interface StorageFile {
  /** The operating system's descriptor, for locks. */
  readonly descriptor: number;
  look(): FileLook;
  size(): number;
  /** Whether it is exactly that long; quicker than asking for the size. */
  endsAt(size: number): boolean;
  /**
   * Reads at a position; returns how many bytes it got: 0 where the file ends, and perhaps fewer than there are where the
   * disk fails in the middle of them, as the next read will tell.
   */
  read(target: Buffer, position: number): number;
  /** Writes all pieces with one call of the operating system; returns how many bytes it took. */
  append(pieces: readonly Buffer[]): number;
  /** Overwrites in place. */
  writeAt(bytes: Buffer, position: number): void;
  /** Returns once all that was written to the file, by anyone, is on the disk. */
  sync(): Promise<void>;
  syncNow(): void;
  /** Closes the file, once a sync that is under way has ended. */
  close(): void;
}

/** Whether one machine alone reaches the file system. `strange`: FUSE, 9P and types not listed here. */
export type FileSystem = 'local' | 'network' | 'strange';
