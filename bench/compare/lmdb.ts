import { join } from 'node:path';
import type { Entry } from '../../src/index.ts';
import { fillByAppending, type Session, type Subject } from '../subject.ts';
import { loadPeer, missingPeer } from './peer.ts';

interface Database {
  readonly flushed: Promise<unknown>;
  put(key: number, value: string): Promise<boolean>;
  transactionSync<T>(body: () => T): T;
  getKeys(range: object): Iterable<number>;
  getRange(): Iterable<{ value: string }>;
  close(): Promise<void>;
}

interface Lmdb {
  open(options: object): Database;
}

/**
 * lmdb-js. `overlapping`: its default, where put() resolves at the commit and the sync comes after it, so that an append is
 * acknowledged when `flushed` resolves. Else overlappingSync is off, and put() resolves when its commit is synced.
 *
 * Without overlapping syncs, several processes number their entries in a synchronous transaction, because the next key depends on the last one. With
 * them, only the promise of put() resolves with the sync, so each process uses its own range of keys.
 */
export function lmdbSubject(overlapping: boolean): Subject {
  return {
    settings: overlapping
      ? 'default settings (overlappingSync), put() and then flushed awaited'
      : 'overlappingSync: false, put() awaited (transactionSync where processes share it)',
    missing: () => missingPeer('lmdb'),
    open: ({ directory, shared }) => {
      const db = loadPeer<Lmdb>('lmdb').open({
        path: join(directory, 'log.lmdb'),
        encoding: 'string',
        ...(overlapping ? undefined : { overlappingSync: false }),
      });
      const last = (): number => [...db.getKeys({ reverse: true, limit: 1 })][0] ?? 0;
      let key = shared ? process.pid * 2 ** 24 : last();
      const append = (entry: Entry): unknown => {
        const line = JSON.stringify(entry);
        if (shared && !overlapping) return db.transactionSync(() => void db.put(last() + 1, line));
        const put = db.put(++key, line);
        return overlapping ? put.then(() => db.flushed) : put;
      };
      const session: Session = {
        append,
        fill: (entries) => fillByAppending(session, entries),
        replay: () => {
          let count = 0;
          for (const { value } of db.getRange()) if ((JSON.parse(value) as Entry).id !== '') count++;
          return count;
        },
        close: () => db.close(),
      };
      return session;
    },
  };
}
