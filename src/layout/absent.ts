import { join } from 'node:path';
import { WalError } from '../errors/errors.ts';
import { MARK_FILE } from '../format/names.ts';

/** The error for a log of which a sync service keeps a file elsewhere: without that, it would pass for a shorter one. */
export function evictedError(directory: string, name: string): WalError {
  return new WalError(
    'ERR_WAL_MISSING',
    `${join(directory, name)} is not on this disk: a sync service keeps it elsewhere, and left .${name}.icloud in its place. Have it downloaded ("brctl download", or open the folder in Finder), and keep the log where nothing is taken off the disk.`,
    { segment: name },
  );
}

/** The error for a log that has no file left but wal.json: to go on would be to begin again at entry 1. */
export function emptiedError(directory: string, seq: number): WalError {
  return new WalError(
    'ERR_WAL_MISSING',
    `There is neither a segment nor a snapshot in ${directory}, though this machine saw entry ${seq} acknowledged (${MARK_FILE}): put the files back (a checkout, a cleaning or a sync tool may have taken them away; "jsonl-wal backup list" names copies), or, to begin again at entry 1, run "jsonl-wal doctor --forget".`,
    { seq },
  );
}
