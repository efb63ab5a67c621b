import { type Environment, realEnvironment } from '../setup/environment.ts';
import { nodeStorage } from '../storage/node.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';

/** What to do in place of a file's own; each is given the file itself. */
export interface FileChanges {
  look?(file: StorageFile): ReturnType<StorageFile['look']>;
  read?(file: StorageFile, target: Buffer, position: number): number;
  append?(file: StorageFile, pieces: readonly Buffer[]): number;
  sync?(file: StorageFile): Promise<void>;
  syncNow?(file: StorageFile): void;
  close?(file: StorageFile): void;
}

/** A file, but for what is changed. */
export function changedFile(
  file: StorageFile,
  { look, read, append, sync, syncNow, close }: FileChanges,
): StorageFile {
  return {
    descriptor: file.descriptor,
    look: () => (look ? look(file) : file.look()),
    size: () => (look ? look(file).size : file.size()),
    endsAt: (size) => (look ? look(file).size === size : file.endsAt(size)),
    read: (target, position) => (read ? read(file, target, position) : file.read(target, position)),
    append: (pieces) => (append ? append(file, pieces) : file.append(pieces)),
    writeAt: (bytes, position) => file.writeAt(bytes, position),
    sync: () => (sync ? sync(file) : file.sync()),
    syncNow: () => (syncNow ? syncNow(file) : file.syncNow()),
    close: () => (close ? close(file) : file.close()),
  };
}

/** The real disk, but for what is changed: of the storage itself, or of its segments and snapshots. */
export function changedStorage(changes: Partial<Storage>, ofLines: FileChanges = {}): Storage {
  return {
    ...nodeStorage,
    open: (path, access, as) => {
      const file = nodeStorage.open(path, access, as);
      return path.endsWith('.jsonl') ? changedFile(file, ofLines) : file;
    },
    ...changes,
  };
}

/** The machine's own surroundings, but for what is changed. */
export function changedEnvironment(changes: Partial<Environment>): Environment {
  return { ...realEnvironment, ...changes };
}

/** An error as the operating system would give it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made for a test`), { code });
}
