import * as fs from 'node:fs';
import { requireKernelLock } from '../../src/lock/kernel.ts';

/** The byte that is locked for a turn, and the one that is locked for a sync that others share. */
export const TURN = 1024;
export const SYNC = 2048;

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread. */
export function pause(ms: number): void {
  Atomics.wait(cell, 0, 0, ms);
}

/** The operating system's locks on bytes of a file. */
export interface Locks {
  tryLock(byte: number): boolean;
  unlock(byte: number): void;
  close(): void;
}

export function openLocks(path: string): Locks {
  const native = requireKernelLock();
  const file = fs.openSync(path, 'a+');
  return {
    tryLock: (byte) => {
      try {
        return native.tryLock(file, byte, 1, true) !== false;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
        throw error;
      }
    },
    unlock: (byte) => native.unlock(file, byte, 1),
    close: () => fs.closeSync(file),
  };
}
