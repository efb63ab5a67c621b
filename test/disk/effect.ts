/** Tells a file or directory from all others that a disk ever had. */
export type Inode = number;

/** A name in a directory, and what it leads to: nothing, where `inode` is undefined. */
export interface Naming {
  readonly directory: Inode;
  readonly name: string;
  readonly inode: Inode | undefined;
}

/** What reaches a disk, one after the other, or what is told of it. */
export type Effect =
  /** A file or directory that no name leads to yet. */
  | { readonly kind: 'made'; readonly inode: Inode; readonly directory: boolean; readonly mode: number }
  | {
      readonly kind: 'write';
      readonly inode: Inode;
      readonly offset: number;
      readonly bytes: Buffer;
      /** Of the second part of a write, the number of the first. */
      readonly restOf?: number;
    }
  /** All of them at once: a rename is two. */
  | { readonly kind: 'name'; readonly namings: readonly Naming[] }
  /** A sync has ended: of that file's bytes, or that directory's names, those effects are kept that came before number `before`. */
  | { readonly kind: 'synced'; readonly inode: Inode; readonly before: number }
  /**
   * A sync of that file's bytes has failed: no later one makes up for it, for the system has dropped what it could not
   * write, and takes its pages for clean.
   */
  | { readonly kind: 'sync-failed'; readonly inode: Inode; readonly before: number }
  /** What a user of the disk notes down. */
  | { readonly kind: 'note'; readonly note: unknown };
