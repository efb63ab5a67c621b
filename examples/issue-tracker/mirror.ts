import {
  closeSync,
  fsyncSync,
  futimesSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Table } from 'jsonl-wal';
import { beadsIssue } from './beads.ts';
import type { Issue } from './issues.ts';

const MIRROR = 'issues.jsonl';
const TEMPORARY = /^issues\.jsonl\.([0-9]+)-[0-9a-z]+\.tmp$/;
/** A state of fewer issues is mirrored at each change; a larger one, which takes its time, only so often. */
const SMALL = 2000;
const EVERY_MS = 5000;
/** A large state that others change all the time is not mirrored for ever: they go on with it. */
const MOST_ROUNDS = 3;
/** Small ones, too, have an end: under writers that never pause, the next change mirrors what this one did not. */
const MOST_ROUNDS_SMALL = 100;
const PIECE_CHARACTERS = 1024 * 1024;

/** After a change: keeps `issues.jsonl`, for tools that read files of beads, as the log is; a large one no older than some seconds. */
export async function keepMirror(issues: Table<Issue>, directory: string): Promise<void> {
  if (issues.size >= SMALL && Date.now() - madeAt(join(directory, MIRROR)) < EVERY_MS) return;
  await mirror(issues, directory);
}

/** Makes the file anew in any case, and takes away what crashes left. Answers where it is. */
export async function syncMirror(issues: Table<Issue>, directory: string): Promise<string> {
  for (const name of readdirSync(directory)) {
    const pid = TEMPORARY.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(directory, name), { force: true });
  }
  await mirror(issues, directory);
  return join(directory, MIRROR);
}

/**
 * Of two processes the one with the older state may rename its file last, over the newer. So each looks at the log once
 * more when it has renamed, and does it again where that has gone on.
 */
async function mirror(issues: Table<Issue>, directory: string): Promise<void> {
  for (let round = 1; ; round++) {
    const { seq } = issues;
    const written = writeMirror(issues, directory);
    const isNow = (await issues.refresh()) === seq;
    if (written && (isNow || round >= (issues.size >= SMALL ? MOST_ROUNDS : MOST_ROUNDS_SMALL))) return;
  }
}

/** False where a sync in another container, which cannot see this process, took its file for a leftover. */
function writeMirror(issues: Table<Issue>, directory: string): boolean {
  const random = Math.random().toString(36).slice(2);
  const path = join(directory, `${MIRROR}.${process.pid}-${random}.tmp`);
  // The file is as old as what it says: one that took long to write is not new.
  const now = Date.now();
  try {
    const file = openSync(path, 'wx');
    try {
      for (const piece of piecesOf(issues, now)) writeFileSync(file, piece);
      futimesSync(file, now / 1000, now / 1000);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(path, join(directory, MIRROR));
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** One issue a line, by id. */
function* piecesOf(issues: Table<Issue>, now: number): Generator<string, void, undefined> {
  let piece = '';
  for (const { value } of issues) {
    if (value.status === 'deleted') continue;
    piece += `${JSON.stringify(beadsIssue(value, now))}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

/** 0 where there is none. */
function madeAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
