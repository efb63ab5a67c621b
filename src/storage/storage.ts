/**
 * The interface to the disk. Paths are absolute. Errors are those of the operating system, with their `code`.
 */
export interface Storage {
  /** The host and process that create files here. */
  readonly maker: { readonly host: string; readonly pid: number };
  /** Whether no process of this machine has this pid. */
  isGone(pid: number): boolean;
  /**
   * Makes a directory and its parents; returns the first one made, or undefined if all existed. `as`: see
   * `open`.
   */
  makeDirectory(path: string, as?: Permissions): string | undefined;
  /** File names in a directory. */
  list(path: string): string[];
  /**
   * `as`: the permissions of a created file from the moment it appears; without it, those that the umask
   * leaves.
   */
  open(path: string, access: FileAccess, as?: Permissions): StorageFile;
  /** Undefined if nothing exists at that path. */
  look(path: string): FileLook | undefined;
  /** Whether the name itself is a symbolic link, wherever that leads. */
  isLink(path: string): boolean;
  /** Gives a file, or the target of a symbolic link, another name; EEXIST if that name is taken. */
  link(existing: string, path: string): void;
  /**
   * Makes a file that shares the blocks of another until either is written to; throws if the file system
   * cannot, or the name is taken.
   */
  reflink(existing: string, path: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Removes an empty directory. */
  removeDirectory(path: string): void;
  /** Makes the names in a directory survive a crash. */
  syncDirectory(path: string): void;
  /** What kind of file system a path is on. */
  fileSystem(path: string): FileSystem;
  /**
   * Calls `changed` after something in a directory changed, with the file's name where that is known (the directory's
   * own, if it was moved or deleted). Calls `ended` when the system stops reporting. The watch keeps no process alive.
   * Throws if the directory cannot be watched.
   */
  watch(directory: string, changed: (name?: string) => void, ended: () => void): DirectoryWatch;
}

export interface DirectoryWatch {
  /** Whether every change to the files there is reported at once; otherwise some reports may be missing. */
  readonly tellsAll: boolean;
  close(): void;
}

/**
 * `read`: must exist. `append`: read, and write at the end only; created if missing. `append-existing`: must
 * exist. `update`: read, and write anywhere; must exist. `create`: write at the end; must not exist.
 */
export type FileAccess = 'read' | 'append' | 'append-existing' | 'update' | 'create';

/**
 * The permissions that a file is created with, whatever the umask; its owner may always read and write it.
 */
export interface Permissions {
  readonly mode: number;
  /** Its owner; only root can set it. */
  readonly uid?: number;
  /** Its group; root and the members of that group can set it. */
  readonly gid?: number;
}

export interface FileLook extends Required<Permissions> {
  /** With `inode`, identifies a file. Exact: a bigint if a number would be rounded. */
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
  /** Whether the file is exactly that long; quicker than reading the size. */
  endsAt(size: number): boolean;
  /**
   * Reads at a position; returns how many bytes were read: 0 at the end of the file. It may be fewer than
   * there are if the disk fails in the middle of them; the next read then reports that.
   */
  read(target: Buffer, position: number): number;
  /** Writes all pieces with one call of the operating system; returns how many bytes it took. */
  append(pieces: readonly Buffer[]): number;
  /** Overwrites in place. */
  writeAt(bytes: Buffer, position: number): void;
  /** Resolves once all that was written to the file, by any process, is on the disk. */
  sync(): Promise<void>;
  syncNow(): void;
  /** Closes the file, after a sync in progress has ended. */
  close(): void;
}

/**
 * Whether only one machine can reach the file system (`local`). `strange`: FUSE, 9P and types that are not
 * known.
 */
export type FileSystem = 'local' | 'network' | 'strange';
