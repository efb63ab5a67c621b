import type {
  Blame,
  Found,
  Oddity,
  State,
  Store,
  StoreEntry,
  StoreItem,
  StoreTransaction,
} from '../target.ts';
import { Conflict } from './entries-state.ts';

/** What the clients of SQLite for Node have in common, so far as it is used here. */
export interface SqliteDatabase {
  exec(source: string): unknown;
  prepare(source: string): SqliteStatement;
  close(): unknown;
}

export interface SqliteStatement {
  run(...values: (string | number)[]): unknown;
  get(...values: (string | number)[]): unknown;
  all(...values: (string | number)[]): unknown[];
}

interface ItemRow {
  readonly id: string;
  readonly value: string;
  readonly rev: number;
  readonly version: number;
}

/** WAL, and synchronous=FULL: a commit is on the disk when it returns. */
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, op TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS items
    (id TEXT PRIMARY KEY, value TEXT NOT NULL, rev INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;
`;

/** SQLite's own names for what can go wrong before anything is written. */
const REFUSALS: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'busy',
  SQLITE_LOCKED: 'busy',
  SQLITE_FULL: 'full',
};

/** Judges an error by the name of its primary code, such as `SQLITE_BUSY`. */
export function blameSqlite(error: unknown, code: string): Blame {
  if (error instanceof Conflict) return { outcome: 'refused', reason: 'conflict' };
  const reason = REFUSALS[code];
  return reason === undefined ? { outcome: 'unknown', reason: code } : { outcome: 'refused', reason };
}

/** A log and its state as two tables of SQLite; whatever writes is a BEGIN IMMEDIATE transaction. */
export class SqliteStore implements Store {
  readonly #db: SqliteDatabase;

  /** `busyMs`: how long SQLite waits for its lock before it gives up. */
  constructor(db: SqliteDatabase, busyMs: number) {
    this.#db = db;
    db.exec(`PRAGMA busy_timeout = ${busyMs}`);
    db.exec(SCHEMA);
  }

  async append(entry: StoreEntry, terms?: { readonly rev: number }) {
    return this.#within('IMMEDIATE', () => {
      const rev = this.#get(entry.id)?.rev ?? 0;
      if (terms !== undefined && terms.rev !== rev)
        throw new Conflict(`${entry.id} is at rev ${rev}, not ${terms.rev}`);
      return { seq: this.#insert(entry) };
    });
  }

  async appendBatch(entries: readonly StoreEntry[]) {
    return this.#within('IMMEDIATE', () => ({ seq: entries.map((entry) => this.#insert(entry))[0] }));
  }

  read({
    from = 1,
    to = Number.MAX_SAFE_INTEGER,
  }: {
    from?: number | undefined;
    to?: number | undefined;
  } = {}) {
    const rows = this.#all(
      'SELECT seq, op, id, data FROM log WHERE seq BETWEEN ? AND ? ORDER BY seq',
      from,
      to,
    );
    return (rows as (Omit<Found, 'data'> & { readonly data: string })[]).map((row) => ({
      ...row,
      data: JSON.parse(row.data) as unknown,
    }));
  }

  async state(): Promise<State> {
    return this.#within('DEFERRED', () => {
      const items = new Map(this.#items().map((item) => [item.id, item]));
      return { seq: this.#last(), get: (id: string) => items.get(id), items: () => items.values() };
    });
  }

  async transaction<R>(decide: (tx: StoreTransaction) => R) {
    return this.#within('IMMEDIATE', () => {
      const seqs: number[] = [];
      const answer = decide({
        get: (id) => this.#get(id),
        items: () => this.#items(),
        append: (entry) => seqs.push(this.#insert(entry)),
      });
      return { answer, seq: seqs[0] };
    });
  }

  async verify(): Promise<Oddity[]> {
    return (this.#all('PRAGMA integrity_check') as { readonly integrity_check: string }[])
      .filter(({ integrity_check }) => integrity_check !== 'ok')
      .map(({ integrity_check }) => ({ kind: 'damaged', message: integrity_check }));
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #within<T>(kind: 'IMMEDIATE' | 'DEFERRED', work: () => T): T {
    this.#db.exec(`BEGIN ${kind}`);
    try {
      const answer = work();
      this.#db.exec('COMMIT');
      return answer;
    } catch (error) {
      try {
        this.#db.exec('ROLLBACK');
      } catch {
        // SQLite has rolled it back itself.
      }
      throw error;
    }
  }

  #insert({ op, id, data }: StoreEntry): number {
    const seq = this.#last() + 1;
    const text = JSON.stringify(data);
    this.#run('INSERT INTO log (seq, op, id, data) VALUES (?, ?, ?, ?)', seq, op, id, text);
    if (op === 'delete') this.#run('DELETE FROM items WHERE id = ?', id);
    else this.#run(UPSERT, id, text, seq);
    return seq;
  }

  #last(): number {
    return (this.#all('SELECT coalesce(max(seq), 0) AS last FROM log')[0] as { readonly last: number }).last;
  }

  #get(id: string): StoreItem | undefined {
    const row = this.#all('SELECT * FROM items WHERE id = ?', id)[0];
    return row === undefined ? undefined : itemOf(row as ItemRow);
  }

  #items(): StoreItem[] {
    return (this.#all('SELECT * FROM items') as ItemRow[]).map(itemOf);
  }

  #run(source: string, ...values: (string | number)[]): void {
    this.#prepared(source).run(...values);
  }

  #all(source: string, ...values: (string | number)[]): unknown[] {
    return this.#prepared(source).all(...values);
  }

  readonly #statements = new Map<string, SqliteStatement>();

  #prepared(source: string): SqliteStatement {
    const statement = this.#statements.get(source) ?? this.#db.prepare(source);
    this.#statements.set(source, statement);
    return statement;
  }
}

const UPSERT = `INSERT INTO items (id, value, rev, version) VALUES (?, ?, ?, 1)
  ON CONFLICT (id) DO UPDATE SET value = excluded.value, rev = excluded.rev, version = version + 1`;

function itemOf({ value, ...item }: ItemRow): StoreItem {
  return { ...item, value: JSON.parse(value) as unknown };
}
