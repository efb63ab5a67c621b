import { WalError } from '../errors/errors.ts';
import type { Appender } from '../log/appender.ts';

/** The error for a transaction that does not keep to the rules. */
export function broken(
  message: string,
  code: 'ERR_WAL_TRANSACTION' | 'ERR_WAL_ENTRY' = 'ERR_WAL_TRANSACTION',
): WalError {
  return new WalError(code, `${message}.`, { outcome: 'not-written' });
}

/** Throws inside a transaction's function. */
export function checkOutside(appender: Appender): void {
  if (appender.group.deciding)
    throw broken(
      'The function of a transaction called the Wal, or a table: it may use nothing but its argument',
    );
}
