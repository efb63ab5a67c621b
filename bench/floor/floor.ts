import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../../src/index.ts';
import { Chain, type Line } from './chain.ts';
import { openLocks, pause, TURN } from './locks.ts';
import { SharedSync } from './shared-sync.ts';

/** Where so many lines or more of others lie between two of this process, many wait for each turn. */
const CROWD = 6;
const LARGEST_GROUP = 4096;

interface Waiting {
  readonly line: Line;
  resolve(): void;
  reject(error: unknown): void;
}

export interface Floor {
  append(entry: Entry): Promise<void>;
  close(): void;
}

/**
 * The least that a durable, chained append among many processes can cost in Node: take the lock, read and check what others wrote, chain,
 * write once, look at the size, release, sync, look at the path's size. It is no log: it recovers, rotates and refuses nothing.
 * `shared`: in a crowd, one sync serves several processes, and who waits for the lock sleeps longer.
 */
export function openFloor(directory: string, shared: boolean): Floor {
  const path = join(directory, 'floor.jsonl');
  const file = fs.openSync(path, 'a+');
  const locks = openLocks(join(directory, 'floor.lock'));
  const sharedSync = shared ? new SharedSync(file, locks, join(directory, 'floor.mark')) : undefined;
  const chain = new Chain(file);
  const session = `${process.pid.toString(36)}x`.padEnd(8, '0');
  /** How many lines others write between two of this process, a moving average. */
  let others = 0;
  let made = 0;
  const waiting: Waiting[] = [];
  let running = false;

  const crowded = (): boolean => shared && others >= CROWD;

  const acquire = (): void => {
    // In a crowd the first pause is long, so that few are awake; later ones are shorter, so that nobody is forgotten.
    const next = crowded()
      ? (ms: number): number => Math.max(0.7 * ms, 0.1)
      : (ms: number): number => Math.min(1.5 * ms, 0.5);
    for (let ms = crowded() ? 0.1 * others : 0.05; !locks.tryLock(TURN); ms = next(ms))
      pause(ms * (0.5 + Math.random()));
  };

  const turn = (lines: readonly Line[]): boolean => {
    acquire();
    try {
      const before = chain.seq;
      chain.catchUp();
      others += 0.2 * (chain.seq - before - others);
      return chain.append(lines);
    } finally {
      locks.unlock(TURN);
    }
  };

  const sync = (alone: boolean): Promise<void> | undefined => {
    if (!alone)
      return new Promise((resolve, reject) =>
        fs.fdatasync(file, (error) => (error ? reject(error) : resolve())),
      );
    if (sharedSync !== undefined && crowded()) sharedSync.upTo(chain.bytes, others);
    else fs.fdatasyncSync(file);
    return undefined;
  };

  const run = async (): Promise<void> => {
    running = true;
    await undefined;
    while (waiting.length > 0) {
      const group = waiting.splice(0, LARGEST_GROUP);
      try {
        const lines = group.map(({ line }) => line);
        while (!turn(lines));
        const syncing = sync(group.length === 1);
        if (syncing !== undefined) await syncing;
        if (fs.statSync(path).size < chain.bytes) throw new Error('The file was replaced');
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    running = false;
  };

  return {
    append: ({ data, id, op }) =>
      new Promise((resolve, reject) => {
        const line = {
          front: `"data":${JSON.stringify(data)},"id":${JSON.stringify(id)},"op":${JSON.stringify(op)}`,
          back: `"ts":${Date.now()},"writer":"${session}.${++made}"}`,
        };
        waiting.push({ line, resolve, reject });
        if (!running) void run();
      }),
    close: () => {
      fs.closeSync(file);
      locks.close();
      sharedSync?.close();
    },
  };
}
