import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LOCK_FILE } from '../../format/names.ts';
import { PROGRAM } from '../command-line.ts';

/** Runs `jsonl-wal lock break --force` on the log in a directory; another store's lock is deleted (see `deleteLock`). */
export async function breakLock(directory: string): Promise<void> {
  if (!readdirSync(directory).includes(LOCK_FILE)) return deleteLock(directory);
  const command = [PROGRAM, 'lock', 'break', '--force', '--dir', directory];
  await promisify(execFile)(process.execPath, command);
}

/** What a lock is called, but not what it is made of: `wal.lock`, `wal.lock.held`, `log.lock`. */
const LOCK_NAME = /\.lock(\.held)?$/;

/** Deletes whatever in a directory has a lock's name, file or directory. */
export function deleteLock(directory: string): void {
  for (const name of readdirSync(directory))
    if (LOCK_NAME.test(name)) rmSync(join(directory, name), { recursive: true, force: true });
}
