import * as fs from 'node:fs';
import { type Locks, pause, SYNC } from './locks.ts';

/**
 * One process syncs for all whose bytes lie in the file when its sync begins, and marks how far that is; the others sleep, the longer the
 * more of them there are. A log would bind the mark to the file, the boot and the chain, and bound the wait.
 */
export class SharedSync {
  private readonly file: number;
  private readonly locks: Locks;
  private readonly mark: number;
  private readonly markBytes = Buffer.allocUnsafeSlow(8);
  /** How long a sync takes, a moving average. */
  private usualMs = 0.25;

  constructor(file: number, locks: Locks, markPath: string) {
    this.file = file;
    this.locks = locks;
    this.mark = fs.openSync(markPath, fs.constants.O_RDWR | fs.constants.O_CREAT);
  }

  /** Returns when so many bytes are synced. `others`: about how many lines they write between two of this process. */
  upTo(bytes: number, others: number): void {
    for (let first = true; this.synced() < bytes; first = false) {
      if (this.locks.tryLock(SYNC)) {
        this.lead(bytes);
        return;
      }
      pause(first ? Math.max(0.8 * this.usualMs, 0.2 * others) : Math.max(0.1, 0.05 * others));
    }
  }

  private lead(bytes: number): void {
    try {
      if (this.synced() >= bytes) return;
      const { size } = fs.fstatSync(this.file);
      const begun = performance.now();
      fs.fdatasyncSync(this.file);
      this.usualMs += 0.1 * (performance.now() - begun - this.usualMs);
      this.markBytes.writeDoubleLE(size, 0);
      fs.writeSync(this.mark, this.markBytes, 0, 8, 0);
    } finally {
      this.locks.unlock(SYNC);
    }
  }

  private synced(): number {
    return fs.readSync(this.mark, this.markBytes, 0, 8, 0) === 8 ? this.markBytes.readDoubleLE(0) : 0;
  }

  close(): void {
    fs.closeSync(this.mark);
  }
}
