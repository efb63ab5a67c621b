import { WalError } from '../errors/errors.ts';
import type { StoreInfo } from '../store/store.ts';

/** The error for a caller that wants another key window than the log has. */
export function keyWindowError({ location }: StoreInfo, window: number, wanted: number): WalError {
  const advice =
    wanted > window
      ? `Omit the number, or raise the log's window ("jsonl-wal keys --window ${wanted}")`
      : 'Omit the number: the window is never lowered, because keys that a caller may still retry would be forgotten';
  return new WalError(
    'ERR_WAL_KEY_WINDOW',
    `The log in ${location} looks for a key among its last ${window} entries, not ${wanted}. ${advice}.`,
    { outcome: 'not-written' },
  );
}
