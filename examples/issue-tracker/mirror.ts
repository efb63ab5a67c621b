import { readdirSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Table } from 'jsonl-wal';
import type { Issue } from './issues.ts';
import { writeMirror } from './mirror-file.ts';
import { Refusal } from './refusal.ts';

const MIRROR = 'issues.jsonl';
const TEMPORARY = /^\.([0-9]+)-[0-9a-z]+\.tmp$/;
/** A state of fewer issues is mirrored at each change; a larger one, which takes its time, only so often. */
const SMALL = 2000;
const EVERY_MS = 5000;
/** A large state that others change all the time is not mirrored for ever: they go on with it. */
const MOST_ROUNDS = 3;
/** Small ones, too, have an end: under writers that never pause, the next change mirrors what this one did not. */
const MOST_ROUNDS_SMALL = 100;
const MOST_LINKS = 40;

/** After a change: keeps `issues.jsonl`, for tools that read files of beads, as the log is; a large one no older than some seconds. */
export async function keepMirror(issues: Table<Issue>, directory: string): Promise<void> {
  if (issues.size >= SMALL && Date.now() - madeAt(join(directory, MIRROR)) < EVERY_MS) return;
  await mirror(issues, directory, false);
}

/** Writes the file in any case, and takes away what crashes left. `force`: also over what the log does not have. Answers where it is. */
export async function syncMirror(issues: Table<Issue>, directory: string, force: boolean): Promise<string> {
  const path = targetOf(join(directory, MIRROR));
  for (const name of readdirSync(dirname(path))) {
    const isOurs = name.startsWith(basename(path));
    const pid = isOurs ? TEMPORARY.exec(name.slice(basename(path).length))?.[1] : undefined;
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(dirname(path), name), { force: true });
  }
  await mirror(issues, directory, force);
  return join(directory, MIRROR);
}

/**
 * Of two processes the one with the older state may rename its file last, over the newer. So each looks at the log once
 * more when it has renamed, and does it again where that has gone on. What the file has, and the log does not, may have come
 * meanwhile, too: what is not there after another look, the file has from somebody else.
 */
async function mirror(issues: Table<Issue>, directory: string, force: boolean): Promise<void> {
  const path = targetOf(join(directory, MIRROR));
  for (let round = 1; ; round++) {
    const { seq } = issues;
    const { written, unknown } = writeMirror(issues, path, force);
    const isNow = (await issues.refresh()) === seq;
    const isLast = round >= (issues.size >= SMALL ? MOST_ROUNDS : MOST_ROUNDS_SMALL);
    if (written && (isNow || isLast)) return;
    if (unknown !== undefined && (isNow || isLast)) {
      throw new Refusal(
        'FILE_HAS_MORE',
        `${join(directory, MIRROR)} is left as it was: it has ${unknown}, which the log does not have. "import" takes that in, or says why it cannot; "sync --force" writes over it.`,
      );
    }
  }
}

/** Where the file lies: a link is followed, also to a file that is not there yet. */
function targetOf(path: string): string {
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const target = linkAt(at);
    if (target === undefined) return at;
    at = resolve(realpathSync(dirname(at)), target);
  }
  throw new Refusal('BAD_FILE', `${path} is a link that leads to itself.`);
}

/** What a link names; undefined where there is no link. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (['EINVAL', 'ENOENT', 'UNKNOWN'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
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
