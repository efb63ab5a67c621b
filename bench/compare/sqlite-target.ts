import { join } from 'node:path';
import type { Blame, Target } from '../../src/lab/target.ts';
import { blameSqlite, type SqliteDatabase, SqliteStore } from '../../src/lab/targets/sqlite-store.ts';
import { loadPeer, missingPeer } from './peer.ts';

/** better-sqlite3. Setting: `busyMs`, how long it waits for its lock (default its own, 5,000). */
const sqlite: Target = {
  name: 'better-sqlite3',
  about: 'better-sqlite3: WAL, synchronous=FULL, BEGIN IMMEDIATE',
  module: import.meta.url,
  locks: ['sqlite'],
  can: ['batch', 'expect', 'state', 'transaction', 'verify'],
  missing: () => missingPeer('better-sqlite3'),
  open: async (directory, { settings }) => {
    const Sqlite = loadPeer<new (path: string) => SqliteDatabase>('better-sqlite3');
    return new SqliteStore(new Sqlite(join(directory, 'log.sqlite')), (settings?.busyMs as number) ?? 5000);
  },
  blame,
};
export default sqlite;

/** An extended code, such as SQLITE_BUSY_SNAPSHOT, begins with the primary one. */
function blame(error: unknown): Blame {
  const { code = 'error' } = error as { readonly code?: string };
  return blameSqlite(error, /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code);
}
