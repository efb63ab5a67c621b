import { WalError, type WalErrorCode } from '../errors/errors.ts';
import { printable } from '../format/printable.ts';
import { onLog } from './on-log.ts';
import { clearStatus } from './status.ts';
import { stderr } from './stderr.ts';
import { colour } from './style.ts';

/** What the process's exit code tells. */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  conflict: 3,
  corruption: 4,
  lockTimeout: 5,
  replaced: 6,
  untried: 7,
  /** As of a process that Ctrl-C ended. */
  interrupted: 130,
} as const;

const EXIT_OF: Partial<Record<WalErrorCode, number>> = {
  ERR_WAL_ABORTED: EXIT.interrupted,
  ERR_WAL_ARGUMENT: EXIT.usage,
  ERR_WAL_CONFLICT: EXIT.conflict,
  ERR_WAL_KEY_REUSED: EXIT.conflict,
  ERR_WAL_CORRUPT: EXIT.corruption,
  ERR_WAL_DIVERGED: EXIT.corruption,
  ERR_WAL_FORMAT: EXIT.corruption,
  ERR_WAL_MISSING: EXIT.corruption,
  ERR_WAL_LOCK_TIMEOUT: EXIT.lockTimeout,
};

/** The error for a command line that cannot be meant. */
export function usageError(message: string): WalError {
  return new WalError('ERR_WAL_ARGUMENT', message, { outcome: 'not-written' });
}

/** An error as JSON: its code, its message, and the facts it carries. */
export function errorObject(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { code: 'ERR_UNEXPECTED', message: String(error) };
  const { message, cause } = error;
  if (!(error instanceof WalError))
    return { code: (error as { code?: unknown }).code ?? 'ERR_UNEXPECTED', message };
  // The spread takes code and facts, but neither message nor cause.
  return { ...(error as object), message, ...(typeof cause === 'string' && { cause }) };
}

/** Tells what went wrong on stderr, and returns the exit code that says so too. `directory`: the log, where one was named. */
export function reportFailure(error: unknown, json: boolean, directory?: string): number {
  const found = errorObject(error);
  const facts = directory === undefined ? found : { ...found, message: onLog(`${found.message}`, directory) };
  clearStatus();
  stderr().write(`${json ? jsonText(facts) : humanText(facts)}\n`);
  // No segment is at fault: the log that lies there is another.
  if (facts.code === 'ERR_WAL_DIVERGED' && facts.segment === undefined) return EXIT.replaced;
  return EXIT_OF[facts.code as WalErrorCode] ?? EXIT.error;
}

function jsonText(facts: Record<string, unknown>): string {
  return printable(JSON.stringify(facts));
}

function humanText({ code, message, outcome }: Record<string, unknown>): string {
  const unknown =
    outcome === 'unknown'
      ? ' Whether it was appended is not known: with a --key it can be appended again, and is there once.'
      : '';
  return `${colour(stderr(), 'red', 'jsonl-wal:')} ${printable(`${message}${unknown} [${code}]`)}`;
}
