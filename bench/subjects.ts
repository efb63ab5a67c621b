import { levelSubject } from './compare/level.ts';
import { lmdbSubject } from './compare/lmdb.ts';
import { sqliteSubject } from './compare/sqlite.ts';
import { floorSubject } from './floor-subject.ts';
import { rawSubject } from './raw-subject.ts';
import type { Subject } from './subject.ts';
import { walSubject } from './wal-subject.ts';

/** All that can be measured, by the name it has in the tables. */
export const SUBJECTS = {
  'wal lockfile': walSubject('lockfile', 'sync'),
  'wal kernel': walSubject('kernel', 'sync'),
  'wal appendSync': walSubject('kernel', 'sync', true),
  'wal lockfile os': walSubject('lockfile', 'os'),
  'wal kernel os': walSubject('kernel', 'os'),
  floor: floorSubject(false),
  'shared floor': floorSubject(true),
  'better-sqlite3': sqliteSubject(false),
  'better-sqlite3 grouped': sqliteSubject(true),
  lmdb: lmdbSubject(true),
  'lmdb no overlap': lmdbSubject(false),
  'classic-level': levelSubject(),
  'raw disk': rawSubject(false),
  'raw disk grouped': rawSubject(true),
} as const satisfies Record<string, Subject>;

export type SubjectName = keyof typeof SUBJECTS;

export function subjectOf(name: SubjectName): Subject {
  return SUBJECTS[name];
}
