import { WalError } from '../errors/errors.ts';
import type { LogFiles } from './log-files.ts';
import type { LineStore } from './store.ts';

/** The files of a log; throws ERR_WAL_UNSUPPORTED where it is none. `doing`: what needs them, such as 'appendSync'. */
export function filesOf(store: LineStore, doing: string): LogFiles {
  if (store.files !== undefined) return store.files;
  throw unsupportedError(store, doing);
}

export function unsupportedError(store: LineStore, doing: string): WalError {
  const message = `${doing} needs a log that is a directory of files, and ${store.info().location} is none.`;
  return new WalError('ERR_WAL_UNSUPPORTED', message, { outcome: 'not-written' });
}
