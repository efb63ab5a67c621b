import { join } from 'node:path';
import type { Blame, Target } from '../target.ts';
import { blameSqlite, type SqliteDatabase, SqliteStore } from './sqlite-store.ts';

/** SQLite as it comes with Node. Setting: `busyMs`, how long it waits for its lock (default 5,000). */
const nodeSqlite: Target = {
  name: 'node-sqlite',
  about: "Node's own SQLite: WAL, synchronous=FULL, BEGIN IMMEDIATE",
  module: import.meta.url,
  locks: ['sqlite'],
  can: ['batch', 'expect', 'state', 'transaction', 'verify'],
  missing: () => (sqlite() === undefined ? ABSENT : undefined),
  open: async (directory, { settings }) => {
    const { DatabaseSync } = sqlite() ?? {};
    if (DatabaseSync === undefined) throw new Error(ABSENT);
    return new SqliteStore(
      new DatabaseSync(join(directory, 'log.sqlite')),
      (settings?.busyMs as number) ?? 5000,
    );
  },
  blame,
};
export default nodeSqlite;

const ABSENT = `Node ${process.versions.node} has no node:sqlite: it comes with Node 22.13 and newer`;

/** The types of the oldest Node that is supported do not know it. */
function sqlite() {
  return process.getBuiltinModule('node:sqlite') as
    | { readonly DatabaseSync: new (path: string) => SqliteDatabase }
    | undefined;
}

/** By the numbers of SQLite's primary codes, which are all that Node tells. */
const CODES: Readonly<Record<number, string>> = { 5: 'SQLITE_BUSY', 6: 'SQLITE_LOCKED', 13: 'SQLITE_FULL' };

function blame(error: unknown): Blame {
  const { errcode = 0 } = error as { readonly errcode?: number };
  return blameSqlite(error, CODES[errcode & 0xff] ?? 'error');
}
