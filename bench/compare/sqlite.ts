import type { Entry } from '../../src/index.ts';
import type { StateSession, Subject } from '../subject.ts';
import { missingPeer } from './peer.ts';
import { type Database, openDatabase } from './sqlite-database.ts';
import { openSqliteJobs } from './sqlite-jobs.ts';

/**
 * better-sqlite3: a transaction an append, or (`grouped`) one for all that is in flight, as a caller would write it who
 * needs the rate.
 */
export function sqliteSubject(grouped: boolean): Subject {
  return {
    settings: `WAL, synchronous=FULL, a transaction ${grouped ? 'for all in flight' : 'an append'}`,
    missing: () => missingPeer('better-sqlite3'),
    open: ({ directory }) => {
      const db = openDatabase(directory);
      db.exec('CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL)');
      const insert = db.prepare('INSERT INTO log (line) VALUES (?)');
      const insertAll = db.transaction((entries: Iterable<Entry>) => {
        for (const entry of entries) insert.run(JSON.stringify(entry));
      });
      let group: Entry[] = [];
      let landing: Promise<void> | undefined;
      const flush = (): void => {
        const entries = group;
        group = [];
        landing = undefined;
        insertAll.immediate(entries);
      };
      return {
        append: (entry) => {
          if (!grouped) return insert.run(JSON.stringify(entry));
          group.push(entry);
          landing ??= Promise.resolve().then(flush);
          return landing;
        },
        fill: (entries) => insertAll.immediate(entries),
        replay: () => {
          let count = 0;
          for (const { line } of db.prepare('SELECT line FROM log ORDER BY seq').iterate()) {
            if ((JSON.parse(line) as Entry).id !== '') count++;
          }
          return count;
        },
        close: () => db.close(),
      };
    },
    openState: ({ directory }) => openState(openDatabase(directory)),
    openJobs: (directory) => openSqliteJobs(openDatabase(directory)),
  };
}

/** A row an id, whose value is JSON; an update is a BEGIN IMMEDIATE transaction. */
function openState(db: Database): StateSession {
  db.exec('CREATE TABLE IF NOT EXISTS state (id TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID');
  const select = db.prepare('SELECT line FROM state WHERE id = ?');
  const upsert = db.prepare(
    'INSERT INTO state (id, line) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET line = excluded.line',
  );
  const get = (id: string): unknown => {
    const row = select.get(id);
    return row && JSON.parse(row.line);
  };
  const change = db.transaction((id: string, to: (value: unknown) => unknown) => {
    upsert.run(id, JSON.stringify(to(get(id))));
  });
  const fill = db.transaction((entries: Iterable<Entry>) => {
    for (const { id, data } of entries) upsert.run(id, JSON.stringify(data));
  });
  return {
    fill: (entries) => fill.immediate(entries),
    update: (id, to) => {
      for (;;) {
        try {
          return change.immediate(id, to);
        } catch (error) {
          if (!String((error as NodeJS.ErrnoException).code).startsWith('SQLITE_BUSY')) throw error;
        }
      }
    },
    get,
    readAll: () => {
      let count = 0;
      for (const { line } of db.prepare('SELECT line FROM state').iterate()) {
        if (JSON.parse(line) !== null) count++;
      }
      return count;
    },
    close: () => db.close(),
  };
}
