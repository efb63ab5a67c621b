import { isUtf8 } from 'node:buffer';
import {
  type BigIntStats,
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { Table } from 'jsonl-wal';
import { beadsIssue } from './beads.ts';
import { isIssueLine, parseLine, unknownIn } from './beads-file.ts';
import type { Issue } from './issues.ts';
import { Refusal } from './refusal.ts';

const PIECE_CHARACTERS = 1024 * 1024;

/** What came of it: not written where the file has something unknown, or somebody else replaced it meanwhile. */
interface Written {
  readonly written: boolean;
  /** What the file has and the state does not, for people. */
  readonly unknown?: string;
}

/**
 * Writes the state to a file of beads: to a temporary one, synced, and renamed. It has the permissions of what was there. Lines
 * of that which are no issues (beads keeps other things there, too) are kept.
 */
export function writeMirror(issues: Table<Issue>, path: string, force: boolean): Written {
  const random = Math.random().toString(36).slice(2);
  const temporary = `${path}.${process.pid}-${random}.tmp`;
  const before = statOf(path);
  if (before !== undefined && !before.isFile()) throw new Refusal('BAD_FILE', `${path} is not a file.`);
  const bytes = before === undefined ? Buffer.alloc(0) : readFileSync(path);
  if (!isUtf8(bytes) && !force) return { written: false, unknown: 'what is not UTF-8' };
  const lines = new Set(
    bytes
      .toString()
      .split('\n')
      .filter((line) => line.trim() !== ''),
  );
  // The file is as old as what it says: one that took long to write is not new.
  const now = Date.now();
  try {
    const file = openSync(temporary, 'wx');
    try {
      writeFileSync(file, firstLines(lines));
      for (const piece of piecesOf(issues, now, lines)) writeFileSync(file, piece);
      for (const line of lines) {
        const said = parseLine(line);
        const unknown = isIssueLine(said)
          ? unknownIn(said, issues, now)
          : said === undefined
            ? 'a line that is not JSON'
            : undefined;
        if (unknown !== undefined && !force) return { written: false, unknown };
        if (said !== undefined && !isIssueLine(said)) writeFileSync(file, `${line}\n`);
      }
      if (before !== undefined) keepPermissions(file, before);
      futimesSync(file, now / 1000, now / 1000);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (!isSame(before, statOf(path))) return { written: false };
    return { written: isRenamed(temporary, path) };
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** What stands before the first issue, such as a line that names the format; it is taken out of the lines. */
function firstLines(lines: Set<string>): string {
  let text = '';
  for (const line of lines) {
    const said = parseLine(line);
    if (said === undefined || isIssueLine(said)) break;
    text += `${line}\n`;
    lines.delete(line);
  }
  return text;
}

/** One issue a line, by id. What the file had just so is taken out of its lines. */
function* piecesOf(
  issues: Table<Issue>,
  now: number,
  lines: Set<string>,
): Generator<string, void, undefined> {
  let piece = '';
  for (const { value } of issues) {
    if (value.status === 'deleted') continue;
    const line = JSON.stringify(beadsIssue(value, now));
    lines.delete(line);
    piece += `${line}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

/** False where a sync in another container, which cannot see this process, took its file for a leftover. */
function isRenamed(temporary: string, path: string): boolean {
  try {
    renameSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function keepPermissions(file: number, { mode, uid, gid }: BigIntStats): void {
  // Only root may give a file away: else it belongs to who wrote it last.
  const owner = process.geteuid?.() === 0 ? Number(uid) : fstatSync(file).uid;
  try {
    fchownSync(file, owner, Number(gid));
  } catch (error) {
    // Who is not in the group cannot keep it.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
  fchmodSync(file, Number(mode & 0o7777n));
}

function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

function isSame(a: BigIntStats | undefined, b: BigIntStats | undefined): boolean {
  return a?.ino === b?.ino && a?.size === b?.size && a?.mtimeNs === b?.mtimeNs;
}
