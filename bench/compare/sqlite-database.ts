import { join } from 'node:path';
import { loadPeer } from './peer.ts';

interface Statement {
  run(...values: (string | number)[]): { readonly changes: number };
  get<T = { line: string }>(...values: string[]): T | undefined;
  iterate(): Iterable<{ line: string }>;
}

export interface Database {
  pragma(source: string): unknown;
  exec(source: string): unknown;
  prepare(source: string): Statement;
  transaction<T extends unknown[], R>(body: (...values: T) => R): { immediate(...values: T): R };
  close(): void;
}

/** How long SQLite itself waits for its lock; what takes longer is tried again. */
const BUSY_MS = 60_000;

export function openDatabase(directory: string): Database {
  const Sqlite = loadPeer<new (path: string, options: object) => Database>('better-sqlite3');
  const db = new Sqlite(join(directory, 'log.sqlite'), { timeout: BUSY_MS });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  return db;
}
