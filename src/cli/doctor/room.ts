import { statfsSync } from 'node:fs';
import { shellWord } from '../../lab/shell-word.ts';
import { type Held, heldByPrunable } from '../prune-backups.ts';
import { count, size } from '../words.ts';
import { type Check, commandOn } from './check.ts';
import { compactAdvice } from './compact-advice.ts';
import { mountOf } from './mount.ts';

/** So little room is soon gone. */
const LITTLE_BYTES = 64 * 1024 * 1024;
const LITTLE_FILES = 1000;

/** `writable`: whether who asks may free room with the log's own commands. */
export async function checkRoom(directory: string, writable: boolean): Promise<Check> {
  const name = 'room';
  const { bavail, bsize, files, ffree } = statfsSync(directory);
  const free = bavail * bsize;
  // Some file systems (btrfs) have no limit, and tell 0 of 0.
  const fit = files > 0 ? ffree : Number.POSITIVE_INFINITY;
  const scarce = [
    ...(free < LITTLE_BYTES ? [`${size(free)} free`] : []),
    ...(fit < LITTLE_FILES ? [`room for ${count(fit, 'more file')} (inodes)`] : []),
  ];
  if (scarce.length === 0) return { name, state: 'ok', message: `${size(free)} free` };
  const state = free === 0 || fit === 0 ? 'fail' : 'warn';
  const mend = writable ? await roomier(directory) : others(directory);
  return { name, state, message: `only ${scarce.join(', and ')}`, mend };
}

/**
 * What frees room where there is none: what takes none itself comes first. What a backup links too, a compaction alone does not
 * free, and the snapshot that it makes takes room for the state, and a file.
 */
export async function roomier(directory: string): Promise<string> {
  const { bytes, files } = heldIn(directory);
  const prune = `${commandOn(directory, 'backup prune --keep 0')} frees ${size(bytes)} and ${count(files, 'file')} that backups of compactions hold`;
  const command = await compactAdvice(directory, ' --retain 1 --no-backup');
  const compact = `once there is room for a file of the size of the state: ${command}, which frees what the state does not need ("jsonl-wal stats" tells how much), but for what a backup holds, too`;
  return [...(files > 0 ? [prune] : []), others(directory), ...(command ? [compact] : [])].join('; ');
}

function others(directory: string): string {
  const at = mountOf(directory)?.at;
  if (at === undefined) return 'make room on the disk: delete or move other files there';
  const { files, ffree } = statfsSync(directory);
  const what = files > 0 && ffree < LITTLE_FILES ? '-x --inodes' : '-ax';
  return `make room on the disk: delete or move other files there (du ${what} ${shellWord(at)} | sort -n | tail)`;
}

function heldIn(directory: string): Held {
  try {
    return heldByPrunable(directory);
  } catch {
    // What is wrong with wal.json, or with the place for backups, others tell.
    return { bytes: 0, files: 0 };
  }
}
