import type { Target } from '../../src/lab/target.ts';
import level from './level-target.ts';
import lmdb from './lmdb-target.ts';
import sqlite from './sqlite-target.ts';

/** The peers as targets of the lab. */
export const PEER_TARGETS: readonly Target[] = [sqlite, lmdb, level];
