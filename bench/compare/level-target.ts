import { join } from 'node:path';
import type { Found, Store, StoreEntry, Target } from '../../src/lab/target.ts';
import { EntriesState } from '../../src/lab/targets/entries-state.ts';
import { loadPeer, missingPeer } from './peer.ts';

interface Put {
  readonly type: 'put';
  readonly key: string;
  readonly value: string;
}

interface Database {
  open(): Promise<void>;
  batch(puts: readonly Put[], options: { readonly sync: boolean }): Promise<void>;
  keys(options: { readonly reverse: boolean; readonly limit: number }): { all(): Promise<string[]> };
  values(): { all(): Promise<string[]> };
  close(): Promise<void>;
}

/** classic-level, each write synced. It lets one process in, so that there is nobody to decide anything against. */
const level: Target = {
  name: 'classic-level',
  about: 'classic-level (LevelDB): batch() with sync',
  module: import.meta.url,
  locks: ['level'],
  can: ['batch', 'state'],
  missing: () => missingPeer('classic-level'),
  open: async (directory) => {
    const { ClassicLevel } = loadPeer<{ ClassicLevel: new (path: string) => Database }>('classic-level');
    const db = new ClassicLevel(join(directory, 'log.level'));
    try {
      await db.open();
    } catch (error) {
      const { cause } = error as { readonly cause?: { readonly code?: string } };
      if (cause?.code !== 'LEVEL_LOCKED') throw error;
      throw new Error('LevelDB lets one process in at a time, and another has it open', { cause: error });
    }
    return new LevelStore(db, Number((await db.keys({ reverse: true, limit: 1 }).all())[0] ?? 0));
  },
};
export default level;

class LevelStore implements Store {
  readonly #db: Database;
  #last: number;

  constructor(db: Database, last: number) {
    this.#db = db;
    this.#last = last;
  }

  append(entry: StoreEntry) {
    return this.appendBatch([entry]);
  }

  async appendBatch(entries: readonly StoreEntry[]) {
    const seq = this.#last + 1;
    this.#last += entries.length;
    const puts = entries.map(
      (entry, i): Put => ({
        type: 'put',
        key: String(seq + i).padStart(16, '0'),
        value: JSON.stringify(entry),
      }),
    );
    await this.#db.batch(puts, { sync: true });
    return { seq };
  }

  async *read({ from = 1, to = Infinity }: { from?: number | undefined; to?: number | undefined } = {}) {
    for (const found of await this.#entries()) if (found.seq >= from && found.seq <= to) yield found;
  }

  async state() {
    return new EntriesState(await this.#entries());
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  async #entries(): Promise<Found[]> {
    const values = await this.#db.values().all();
    return values.map((value, i) => ({ seq: i + 1, ...(JSON.parse(value) as StoreEntry) }));
  }
}
