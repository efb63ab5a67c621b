import type { Storage, StorageFile } from '../../storage/storage.ts';
import type { SimDisk, SimFile } from '../disk/sim-disk.ts';
import { systemError } from '../wrapped-storage.ts';
import type { Scheduler } from './scheduler.ts';

/** What a process meets on its way to the disk. */
export interface Obstacles {
  /** Before anything it asks of the disk: others may come first. */
  before(): void;
  /** Whether it was killed: then nothing reaches the disk any more. */
  readonly killed: boolean;
  /** How many of so many bytes a write takes; less than all: the disk is full. */
  room(bytes: number): number;
  /** Whether a sync fails. */
  syncFails(): boolean;
}

/** The disk as one process sees it: others come between any two of its calls, and calls fail. */
export function faultyStorage(disk: SimDisk, scheduler: Scheduler, obstacles: Obstacles): Storage {
  const enter = () => {
    if (obstacles.killed) throw systemError('EKILLED');
    obstacles.before();
    if (obstacles.killed) throw systemError('EKILLED');
  };
  const guarded =
    <Arguments extends unknown[], Answer>(call: (...args: Arguments) => Answer) =>
    (...args: Arguments): Answer => {
      enter();
      return call(...args);
    };
  const fileOf = (file: SimFile): StorageFile => ({
    descriptor: file.descriptor,
    look: guarded(() => file.look()),
    size: guarded(() => file.size()),
    endsAt: guarded((size) => file.endsAt(size)),
    read: guarded((target, position) => file.read(target, position)),
    append: guarded((pieces) => {
      const bytes = Buffer.concat(pieces);
      const taken = obstacles.room(bytes.length);
      if (taken === 0) throw systemError('ENOSPC');
      return file.append([bytes.subarray(0, taken)]);
    }),
    writeAt: guarded((bytes, position) => file.writeAt(bytes, position)),
    sync: async () => {
      enter();
      const end = file.beginSync();
      await scheduler.pause();
      // A killed process hears of nothing any more.
      if (obstacles.killed) await new Promise(() => {});
      end(obstacles.syncFails());
    },
    syncNow: guarded(() => file.beginSync()(obstacles.syncFails())),
    close: () => file.close(),
  });
  return {
    makeDirectory: guarded((directory, mode) => disk.makeDirectory(directory, mode)),
    list: guarded((directory) => disk.list(directory)),
    open: guarded((name, access, mode) => fileOf(disk.open(name, access, mode))),
    look: guarded((name) => disk.look(name)),
    link: guarded((existing, name) => disk.link(existing, name)),
    reflink: guarded(() => disk.reflink()),
    rename: guarded((from, to) => disk.rename(from, to)),
    remove: guarded((name) => disk.remove(name)),
    removeDirectory: guarded((name) => disk.removeDirectory(name)),
    syncDirectory: guarded((directory) => disk.syncDirectory(directory)),
    fileSystem: () => disk.fileSystem(),
    watch: () => disk.watch(),
  };
}
