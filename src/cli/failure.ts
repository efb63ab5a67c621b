import { statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, type Outcome, WalError, type WalErrorCode } from '../errors/errors.ts';
import { META_FILE } from '../format/names.ts';
import { printable } from '../format/printable.ts';
import { shellWord } from '../lab/shell-word.ts';
import { colour } from './output.ts';
import { clearStatus, stderr } from './stderr.ts';

/** A command of this program in a text, in quotes. */
const QUOTED = /"jsonl-wal ([a-z][^"]*)"/g;

/** The text, with the commands that it names on this log: to be pasted as they are printed. */
export function onLog(text: string, directory: string): string {
  return text.replaceAll(QUOTED, (whole, command: string) =>
    / (-C|--help)\b/.test(command) ? whole : `"jsonl-wal ${command} -C ${shellWord(directory)}"`,
  );
}

/** The exit codes. */
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

/** The error for a command line that makes no sense. */
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

/** Prints an error on stderr, and returns its exit code. `directory`: the log, if one was named. */
export function reportFailure(error: unknown, json: boolean, directory?: string): number {
  const found = errorObject(error);
  const facts = directory === undefined ? found : { ...found, message: onLog(`${found.message}`, directory) };
  clearStatus();
  stderr().write(`${json ? jsonText(facts) : humanText(facts)}\n`);
  // No segment is at fault: another log is in its place.
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

/** What the API's messages advise, and what that is on the command line. */
const ADVICE: readonly (readonly [api: string, here: string])[] = [
  ['Or open the log read-only (readOnly: true).', 'It may still be read.'],
  ['pass allowNetwork: true', 'pass --allow-network'],
  [
    "name the entry (toSeq), or restore all before the damage (onDamage: 'cut')",
    'name the entry (--to-seq), or restore all before the damage (--on-damage cut)',
  ],
];

const MAKE_ONE = 'make one with "jsonl-wal init", or name another with -C';

/** The error of opening a log, in the words of the command line; `outcome`: what became of what was to be appended; `advice`: what to do where there is none. */
export function openingError(error: unknown, directory: string, outcome?: Outcome, advice?: string): unknown {
  if (!(error instanceof WalError)) return error;
  if (error.code === 'ERR_WAL_NOT_FOUND' && !isLog(directory)) return noLog(directory, outcome, advice);
  const told = onLog(error.message, directory);
  const message = ADVICE.reduce((text, [api, here]) => text.replace(api, here), told);
  const { code, cause } = error;
  return new WalError(code, message, { ...error, ...(outcome && { outcome }), cause });
}

/** For what does not need the log's contents: that there is one. */
export function requireLog(directory: string): void {
  refuseAddress(directory);
  if (!isLog(directory)) throw noLog(directory);
}

export function refuseAddress(directory: string): void {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(directory))
    throw usageError(`${directory} is an address; this version keeps logs in directories only.`);
}

function isLog(directory: string): boolean {
  const path = join(directory, META_FILE);
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) return false;
    const message = `Cannot look at ${path}: no permission. Check owner and mode.`;
    throw new WalError('ERR_WAL_PERMISSION', message, { cause: error });
  }
}

function noLog(directory: string, outcome?: Outcome, advice = MAKE_ONE): WalError {
  return new WalError('ERR_WAL_NOT_FOUND', `There is no log in ${directory}: ${advice}.`, {
    ...(outcome && { outcome }),
  });
}
