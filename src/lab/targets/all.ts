import type { Target } from '../target.ts';
import appendFile from './append-file.ts';
import jsonFile from './json-file.ts';
import jsonlWal from './jsonl-wal.ts';
import lockedAppendFile from './locked-append-file.ts';
import nodeSqlite from './node-sqlite.ts';

/** Every target that comes with the package; the first is the default. */
export const TARGETS: readonly Target[] = [jsonlWal, jsonFile, appendFile, lockedAppendFile, nodeSqlite];
