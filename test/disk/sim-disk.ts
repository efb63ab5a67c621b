import { basename, dirname } from 'node:path';
import { systemError } from '../../src/lab/wrapped-storage.ts';
import type {
  DirectoryWatch,
  FileAccess,
  FileLook,
  Permissions,
  Storage,
  StorageFile,
} from '../../src/storage/storage.ts';
import type { Effect, Inode, Naming } from './effect.ts';
import { Image, ROOT } from './image.ts';

/** An open file of a simulated disk. */
export interface SimFile extends StorageFile {
  /** Begins a sync, and returns how to end it: well, or as one that fails. */
  beginSync(): (fails: boolean) => void;
  /** Where the last write to it began. */
  readonly lastWrittenAt: number;
}

/**
 * A disk in memory, as a POSIX file system would have it, that notes down all that reaches it: so that what a crash could
 * leave of it can be made. What it begins with counts as synced.
 */
export class SimDisk implements Storage {
  readonly image: Image;
  readonly effects: Effect[] = [];
  /**
   * What happens just before bytes reach the end of a file, or while a sync of one is under way: once. Where it throws,
   * that fails.
   */
  readonly meanwhile: { append?: () => void; sync?: () => void } = {};
  readonly #now: () => number;
  /** When each file was written to last. */
  readonly #modified = new Map<Inode, number>();
  /** Where the last write to each file began. */
  readonly #lastWrites = new Map<Inode, number>();
  /** How many syncs of a file have failed: each open file is told of each, once. */
  readonly #failures = new Map<Inode, number>();
  #nextInode: Inode;

  /** `now`: milliseconds since the epoch. */
  constructor(image: Image = new Image(), now: () => number = () => 0) {
    this.image = image;
    this.#now = now;
    this.#nextInode = 1 + Math.max(ROOT, ...image.directories.keys(), ...image.files.keys());
  }

  /** Says of the last effect, a write, that it is the second part of the one with that number. */
  tieLastTo(first: number): void {
    const last = this.effects.pop();
    if (last?.kind === 'write') this.effects.push({ ...last, restOf: first });
  }

  /** Notes something down between the effects. */
  note(note: unknown): void {
    this.effects.push({ kind: 'note', note });
  }

  makeDirectory(path: string, as: Permissions = { mode: 0o777 }): string | undefined {
    const there = this.#find(path);
    if (there !== undefined) {
      if (this.image.directories.has(there)) return undefined;
      throw systemError('EEXIST');
    }
    const first = this.makeDirectory(dirname(path), as);
    this.#name([{ ...this.#placeOf(path), inode: this.#make(true, as.mode) }]);
    return first ?? path;
  }

  list(path: string): string[] {
    return [...this.#directory(path).names.keys()].sort();
  }

  open(path: string, access: FileAccess, as: Permissions = { mode: 0o666 }): SimFile {
    const found = this.#find(path);
    if (found !== undefined && this.image.directories.has(found)) throw systemError('EISDIR');
    if (access === 'create' && found !== undefined) throw systemError('EEXIST');
    if (found !== undefined) return this.#fileOf(found);
    if (access !== 'create' && access !== 'append')
      throw Object.assign(systemError('ENOENT'), { syscall: 'open' });
    const place = this.#placeOf(path);
    const inode = this.#make(false, as.mode);
    this.#name([{ ...place, inode }]);
    return this.#fileOf(inode);
  }

  look(path: string): FileLook | undefined {
    const inode = this.#find(path);
    return inode === undefined ? undefined : this.#lookAt(inode);
  }

  /** Its processes are one of the machine's. Whether one of them is gone, age alone tells. */
  get maker(): Storage['maker'] {
    return { host: 'sim', pid: 1 };
  }

  isGone(): boolean {
    return true;
  }

  isLink(): boolean {
    return false;
  }

  link(existing: string, path: string): void {
    const inode = this.#mustFind(existing);
    if (this.#find(path) !== undefined) throw systemError('EEXIST');
    this.#name([{ ...this.#placeOf(path), inode }]);
  }

  reflink(): void {
    throw systemError('ENOTSUP');
  }

  rename(from: string, to: string): void {
    const inode = this.#mustFind(from);
    const [source, target] = [this.#placeOf(from), this.#placeOf(to)];
    this.#name([
      { ...target, inode },
      { ...source, inode: undefined },
    ]);
  }

  remove(path: string): void {
    if (this.#find(path) !== undefined) this.#name([{ ...this.#placeOf(path), inode: undefined }]);
  }

  /** Writes a file over in place, as `cp` does. What a crash leaves of that is not simulated: it counts as synced. */
  rewrite(path: string, bytes: Buffer): void {
    const inode = this.#mustFind(path);
    this.image.rewrite(inode, bytes);
    this.#modified.set(inode, this.#now());
  }

  removeDirectory(path: string): void {
    if (this.#directory(path).names.size > 0) throw systemError('ENOTEMPTY');
    this.remove(path);
  }

  syncDirectory(path: string): void {
    this.effects.push({ kind: 'synced', inode: this.#mustFind(path), before: this.effects.length });
  }

  fileSystem(): 'local' {
    return 'local';
  }

  /** Tells nothing: who follows looks by the clock, which the simulation turns. */
  watch(): DirectoryWatch {
    return { tellsAll: false, close: () => {} };
  }

  #syncFails(): boolean {
    try {
      this.#letOthers('sync');
      return false;
    } catch {
      return true;
    }
  }

  #letOthers(before: 'append' | 'sync'): void {
    const work = this.meanwhile[before];
    delete this.meanwhile[before];
    work?.();
  }

  #make(directory: boolean, mode: number): Inode {
    const inode = this.#nextInode++;
    const effect = { kind: 'made', inode, directory, mode } as const;
    this.effects.push(effect);
    this.image.make(effect);
    this.#modified.set(inode, this.#now());
    return inode;
  }

  #name(namings: readonly Naming[]): void {
    this.effects.push({ kind: 'name', namings });
    this.image.name(namings);
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = ROOT;
    for (const name of path.split('/')) {
      if (name === '' || inode === undefined) continue;
      const directory = this.image.directories.get(inode);
      if (directory === undefined) throw systemError('ENOTDIR');
      inode = directory.names.get(name);
    }
    return inode;
  }

  #mustFind(path: string): Inode {
    const inode = this.#find(path);
    if (inode === undefined) throw systemError('ENOENT');
    return inode;
  }

  #directory(path: string) {
    const directory = this.image.directories.get(this.#mustFind(path));
    if (directory === undefined) throw systemError('ENOTDIR');
    return directory;
  }

  #placeOf(path: string): Pick<Naming, 'directory' | 'name'> {
    this.#directory(dirname(path));
    return { directory: this.#mustFind(dirname(path)), name: basename(path) };
  }

  #lookAt(inode: Inode): FileLook {
    const file = this.image.files.get(inode);
    const mode = file?.mode ?? this.image.directories.get(inode)?.mode ?? 0;
    return {
      device: 1,
      inode,
      size: file?.content.size ?? 0,
      directory: file === undefined,
      mode,
      uid: 0,
      gid: 0,
      modifiedMs: this.#modified.get(inode) ?? 0,
    };
  }

  #fileOf(inode: Inode): SimFile {
    const file = this.image.files.get(inode);
    if (file === undefined) throw systemError('ENOENT');
    const { content } = file;
    const write = (bytes: Buffer, offset: number) => {
      this.effects.push({ kind: 'write', inode, offset, bytes });
      content.write(bytes, offset);
      this.#lastWrites.set(inode, offset);
      this.#modified.set(inode, this.#now());
    };
    const failures = () => this.#failures.get(inode) ?? 0;
    let told = failures();
    const beginSync = () => {
      const before = this.effects.length;
      return (fails: boolean) => {
        this.effects.push({ kind: fails ? 'sync-failed' : 'synced', inode, before });
        if (fails) this.#failures.set(inode, failures() + 1);
        if (told === failures()) return;
        told = failures();
        throw systemError('EIO');
      };
    };
    const lastWrites = this.#lastWrites;
    return {
      descriptor: inode,
      beginSync,
      get lastWrittenAt() {
        return lastWrites.get(inode) ?? 0;
      },
      look: () => this.#lookAt(inode),
      size: () => content.size,
      endsAt: (size) => content.size === size,
      read: (target, position) => content.bytes.copy(target, 0, Math.min(position, content.size)),
      append: (pieces) => {
        this.#letOthers('append');
        const bytes = Buffer.concat(pieces);
        write(bytes, content.size);
        return bytes.length;
      },
      writeAt: (bytes, position) => write(Buffer.from(bytes), position),
      sync: async () => {
        const end = beginSync();
        const fails = this.#syncFails();
        // Others come between a sync's beginning and its end.
        await Promise.resolve();
        end(fails);
      },
      syncNow: () => {
        const end = beginSync();
        end(this.#syncFails());
      },
      close: () => {},
    };
  }
}
