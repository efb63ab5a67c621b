import { join } from 'node:path';
import type {
  Blame,
  Found,
  State,
  Store,
  StoreEntry,
  StoreItem,
  StoreTransaction,
  Target,
} from '../../src/lab/target.ts';
import { Conflict } from '../../src/lab/targets/entries-state.ts';
import { loadPeer, missingPeer } from './peer.ts';

interface Database {
  get(key: string | number): unknown;
  put(key: string | number, value: unknown): unknown;
  remove(key: string | number): unknown;
  getKeys(range: object): Iterable<number>;
  getRange(range?: object): Iterable<{ readonly key: string | number; readonly value: unknown }>;
  resetReadTxn(): void;
}

interface Environment extends Database {
  openDB(options: object): Database;
  transactionSync<T>(body: () => T): T;
  close(): Promise<void>;
}

interface Lmdb {
  open(options: object): Environment;
}

/** lmdb-js, with a commit that is synced when it returns: whatever writes is a synchronous transaction. */
const lmdb: Target = {
  name: 'lmdb',
  about: 'lmdb-js: overlappingSync false, transactionSync',
  module: import.meta.url,
  locks: ['lmdb'],
  can: ['batch', 'expect', 'state', 'transaction'],
  missing: () => missingPeer('lmdb'),
  open: async (directory) =>
    new LmdbStore(
      loadPeer<Lmdb>('lmdb').open({ path: fileIn(directory), overlappingSync: false, maxDbs: 2 }),
    ),
  blame: (error): Blame =>
    error instanceof Conflict
      ? { outcome: 'refused', reason: 'conflict' }
      : { outcome: 'unknown', reason: String((error as NodeJS.ErrnoException).code ?? 'error') },
  lockFiles: (directory) => [`${fileIn(directory)}-lock`],
};
export default lmdb;

function fileIn(directory: string): string {
  return join(directory, 'log.lmdb');
}

class LmdbStore implements Store {
  readonly #environment: Environment;
  /** Entries by number. */
  readonly #log: Database;
  readonly #items: Database;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#log = environment.openDB({ name: 'log', encoding: 'json' });
    this.#items = environment.openDB({ name: 'items', encoding: 'json' });
  }

  async append(entry: StoreEntry, terms?: { readonly rev: number }) {
    return this.#environment.transactionSync(() => {
      const rev = this.#get(entry.id)?.rev ?? 0;
      if (terms !== undefined && terms.rev !== rev)
        throw new Conflict(`${entry.id} is at rev ${rev}, not ${terms.rev}`);
      return { seq: this.#insert(entry) };
    });
  }

  async appendBatch(entries: readonly StoreEntry[]) {
    return this.#environment.transactionSync(() => ({ seq: entries.map((entry) => this.#insert(entry))[0] }));
  }

  *read({ from = 1, to = Infinity }: { from?: number | undefined; to?: number | undefined } = {}) {
    this.#environment.resetReadTxn();
    const range = { start: from, ...(to !== Infinity && { end: to + 1 }) };
    const rows = [...this.#log.getRange(range)];
    for (const { key, value } of rows) yield { seq: key as number, ...(value as StoreEntry) } satisfies Found;
  }

  async state(): Promise<State> {
    this.#environment.resetReadTxn();
    const items = new Map(this.#all().map((item) => [item.id, item]));
    return { seq: this.#last(), get: (id) => items.get(id), items: () => items.values() };
  }

  async transaction<R>(decide: (tx: StoreTransaction) => R) {
    return this.#environment.transactionSync(() => {
      const seqs: number[] = [];
      const answer = decide({
        get: (id) => this.#get(id),
        items: () => this.#all(),
        append: (entry) => seqs.push(this.#insert(entry)),
      });
      return { answer, seq: seqs[0] };
    });
  }

  close(): Promise<void> {
    return this.#environment.close();
  }

  #insert(entry: StoreEntry): number {
    const seq = this.#last() + 1;
    this.#log.put(seq, entry);
    if (entry.op === 'delete') this.#items.remove(entry.id);
    else {
      const version = (this.#get(entry.id)?.version ?? 0) + 1;
      this.#items.put(entry.id, { value: entry.data, rev: seq, version });
    }
    return seq;
  }

  #last(): number {
    return [...this.#log.getKeys({ reverse: true, limit: 1 })][0] ?? 0;
  }

  #get(id: string): StoreItem | undefined {
    const item = this.#items.get(id) as Omit<StoreItem, 'id'> | undefined;
    return item && { id, ...item };
  }

  #all(): StoreItem[] {
    return [...this.#items.getRange()].map(({ key, value }) => ({
      id: key as string,
      ...(value as Omit<StoreItem, 'id'>),
    }));
  }
}
