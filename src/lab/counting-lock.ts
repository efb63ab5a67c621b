import type { Lock } from '../index.ts';

/** How many are inside a lock now, and the most ever seen: two cells, shared by all threads. */
export class InsideCount {
  readonly cells: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.cells = new Int32Array(shared);
  }

  get most(): number {
    return Atomics.load(this.cells, 1);
  }

  enter(): void {
    const inside = Atomics.add(this.cells, 0, 1) + 1;
    let most = this.most;
    while (inside > most && Atomics.compareExchange(this.cells, 1, most, inside) !== most) most = this.most;
    Atomics.notify(this.cells, 1);
  }

  /** Waits until two have been inside at once, that long at most. */
  awaitCompany(ms: number): void {
    Atomics.wait(this.cells, 1, 1, ms);
  }

  leave(): void {
    Atomics.sub(this.cells, 0, 1);
  }
}

/** A lock that counts who is inside it, and keeps each there until two have met, so long at most: who may meet does. */
export function countingLock(lock: Lock, inside: InsideCount, lingerMs: number): Lock {
  return {
    kind: lock.kind,
    tryAcquire: () => {
      if (!lock.tryAcquire()) return false;
      inside.enter();
      inside.awaitCompany(lingerMs);
      return true;
    },
    release: () => {
      inside.leave();
      lock.release();
    },
    close: () => lock.close(),
  };
}
