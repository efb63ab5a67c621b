import { readEnvelope } from '../../src/format/read-line.ts';
import { type Dice, seeded } from '../../src/lab/seeded.ts';
import { systemError } from '../../src/lab/wrapped-storage.ts';
import type { Storage, StorageFile } from '../../src/storage/storage.ts';
import type { SimDisk, SimFile } from '../disk/sim-disk.ts';
import { rollSeed, type Trouble } from './decisions.ts';
import type { Call } from './fault-rates.ts';

/** What a process meets on its way to the disk. */
export interface Obstacles {
  /** Before anything it asks of the disk: others may come first. Answers what goes wrong with the call itself. Throws where the process is dead. */
  meet(call: Call, path: string): Trouble | undefined;
  /** Waits for its turn; never comes back to a process that was killed. */
  pause(): Promise<void>;
  /** Others come first, in the middle of a write. Throws where the process is dead then. */
  comeBetween(dice: number): void;
  /**
   * It is about to end a last line that lacked only its newline when it looked, and another cut a line there since. Ended so, that line
   * would count as damaged, until a tail repair. Throws where that is left out.
   */
  endsCut(): void;
  /** A sync that others came between has failed. */
  syncFailed(): void;
}

const MOST_PAUSES = 20;
const NEWLINE = 10;

/** The disk as one process sees it: others come between any two of its calls, and calls fail. */
export function faultyStorage(disk: SimDisk, obstacles: Obstacles): Storage {
  /** Fails where that is what was met. */
  const meet = (call: Call, path: string): Trouble | undefined => {
    const trouble = obstacles.meet(call, path);
    if (trouble?.kind === 'fails' && call !== 'append') throw failure('EIO', call);
    if (trouble?.kind === 'full' && call !== 'append') throw failure('ENOSPC', call);
    if (trouble?.kind === 'sync-fails' && call === 'syncDirectory') throw failure('EIO', call);
    return trouble;
  };
  /** `seen`: how large the file was at the last read of it. Of one that nobody read here, such as a new snapshot, nobody else writes. */
  const fileOf = (file: SimFile, path: string, seen = { size: Infinity }): StorageFile => ({
    descriptor: file.descriptor,
    look: () => {
      meet('size', path);
      return file.look();
    },
    size: () => {
      meet('size', path);
      return file.size();
    },
    endsAt: (size) => {
      meet('size', path);
      return file.endsAt(size);
    },
    read: (target, position) => {
      const size = file.size();
      const trouble = meet('read', path);
      const count = file.read(target, position);
      seen.size = file.size();
      if (trouble === undefined) return count;
      const dice = seeded(trouble.dice);
      if (trouble.kind === 'short') return shareOf(count, dice);
      // Only what was appended last, and since the read began, may be on its way still.
      const known = Math.max(0, Math.max(size, file.lastWrittenAt) - position);
      if (count > known) target.fill(0, known + Math.floor(dice() * (count - known)), count);
      return count;
    },
    append: (pieces) => {
      const trouble = meet('append', path);
      const bytes = Buffer.concat(pieces);
      const isLone = bytes.length === 1 && bytes[0] === NEWLINE;
      if (isLone && file.size() > seen.size && endsInCut(file)) obstacles.endsCut();
      if (trouble === undefined) return file.append(pieces);
      const dice = seeded(trouble.dice);
      if (trouble.kind === 'split') {
        const at = shareOf(bytes.length, dice);
        file.append([bytes.subarray(0, at)]);
        const first = disk.effects.length - 1;
        obstacles.comeBetween(rollSeed(dice));
        file.append([bytes.subarray(at)]);
        disk.tieLastTo(first);
        return bytes.length;
      }
      const taken = trouble.kind === 'fails' ? Math.floor(dice() * (bytes.length + 1)) : roomFor(bytes, dice);
      if (taken > 0) file.append([bytes.subarray(0, taken)]);
      if (trouble.kind === 'fails') throw failure('EIO', 'append');
      if (taken === 0) throw failure('ENOSPC', 'append');
      return taken;
    },
    writeAt: (bytes, position) => {
      meet('writeAt', path);
      file.writeAt(bytes, position);
    },
    sync: async () => {
      const trouble = meet('sync', path);
      const end = file.beginSync();
      const pauses = trouble?.kind === 'slow' ? 1 + shareOf(MOST_PAUSES, seeded(trouble.dice)) : 1;
      for (let i = 0; i < pauses; i++) await obstacles.pause();
      if (trouble?.kind === 'sync-fails') obstacles.syncFailed();
      end(trouble?.kind === 'sync-fails');
    },
    syncNow: () => {
      const trouble = meet('syncNow', path);
      file.beginSync()(trouble?.kind === 'sync-fails');
    },
    close: () => file.close(),
  });
  return {
    makeDirectory: (path, as) => {
      meet('makeDirectory', path);
      return disk.makeDirectory(path, as);
    },
    list: (path) => {
      meet('list', path);
      return disk.list(path);
    },
    open: (path, access, as) => {
      meet(access === 'create' || access === 'append' ? 'make' : 'open', path);
      return fileOf(disk.open(path, access, as), path);
    },
    look: (path) => {
      meet('look', path);
      return disk.look(path);
    },
    maker: disk.maker,
    isGone: () => disk.isGone(),
    isLink: () => disk.isLink(),
    link: (existing, path) => {
      meet('link', path);
      disk.link(existing, path);
    },
    reflink: () => disk.reflink(),
    rename: (from, to) => {
      meet('rename', to);
      disk.rename(from, to);
    },
    remove: (path) => {
      meet('remove', path);
      disk.remove(path);
    },
    removeDirectory: (path) => {
      meet('remove', path);
      disk.removeDirectory(path);
    },
    syncDirectory: (path) => {
      meet('syncDirectory', path);
      disk.syncDirectory(path);
    },
    fileSystem: () => disk.fileSystem(),
    watch: () => disk.watch(),
  };
}

/** An error as the system gives it. */
function failure(code: string, call: Call): Error {
  return Object.assign(systemError(code), { syscall: call === 'make' ? 'open' : call });
}

/** Whether the last line has no newline, and lacks more than that. */
function endsInCut(file: SimFile): boolean {
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0);
  const start = bytes.lastIndexOf(NEWLINE) + 1;
  return start < bytes.length && readEnvelope(bytes, start, bytes.length) === undefined;
}

/** Less than `count`, and something where that can be. */
function shareOf(count: number, dice: Dice): number {
  return count < 2 ? count : 1 + Math.floor(dice() * (count - 1));
}

/** How much of a write finds room: often all but its newline, which is the hardest to tell. */
function roomFor({ length }: Buffer, dice: Dice): number {
  return dice() < 0.1 ? length - 1 : Math.floor(dice() * length);
}
