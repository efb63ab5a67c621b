import { join } from 'node:path';
import { WalError } from '../errors/errors.ts';
import { MARK_FILE } from '../format/names.ts';

/**
 * The error for a log one of whose files a sync service keeps elsewhere: without that file, the log would look like a
 * shorter one.
 */
export function evictedError(directory: string, name: string): WalError {
  return new WalError(
    'ERR_WAL_MISSING',
    `${join(directory, name)} is not on this disk: a sync service keeps it elsewhere, and left .${name}.icloud in its place. Download it ("brctl download", or open the folder in Finder), and keep the log where no service removes files from the disk.`,
    { segment: name },
  );
}

/** The error for a log that has only wal.json left: to continue would be to begin again at entry 1. */
export function emptiedError(directory: string, seq: number): WalError {
  return new WalError(
    'ERR_WAL_MISSING',
    `There is neither a segment nor a snapshot in ${directory}, though this machine saw entry ${seq} acknowledged (${MARK_FILE}): put the files back (a checkout, a cleanup or a sync tool may have removed them; "jsonl-wal backup list" lists copies), or, to begin again at entry 1, run "jsonl-wal doctor --forget".`,
    { seq },
  );
}
