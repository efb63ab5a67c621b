import type { Target } from '../target.ts';
import jsonFile from './json-file.ts';
import jsonlWal from './jsonl-wal.ts';

/** Every target that comes with the package; the first is the default. */
export const TARGETS: readonly Target[] = [jsonlWal, jsonFile];
