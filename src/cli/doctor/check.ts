import { messageOf, WalError } from '../../errors/errors.ts';
import { shellWord } from '../../lab/shell-word.ts';

/** What one look found. */
export interface Check {
  readonly name: string;
  /** `skip`: not tried, because who asks may only read. */
  readonly state: 'ok' | 'skip' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it; a command to paste, where there is one. */
  readonly mend?: string;
  /** Whether data is damaged. */
  readonly corrupt?: true;
}

/** What to do about what can be told only where an append can be tried. */
export const SEE_APPEND = 'see what "append" says';

/** Runs a check; what it throws is what it found. */
export async function checked(
  name: string,
  look: () => Check | Promise<Check>,
  mend?: string,
): Promise<Check> {
  try {
    return await look();
  } catch (error) {
    const code = error instanceof WalError ? ` [${error.code}]` : '';
    return { name, state: 'fail', message: `${messageOf(error)}${code}`, ...(mend && { mend }) };
  }
}

/** A command of this program on a directory, to be pasted into a shell. */
export function commandOn(directory: string, command: string): string {
  return `jsonl-wal ${command} -C ${shellWord(directory)}`;
}

/** What to do where there is no log. */
export function makeOne(directory: string): string {
  return `${commandOn(directory, 'init')}, or name another with -C`;
}

/** '12 seconds', '3 hours'. */
export function ageText(ms: number): string {
  const units = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ] as const;
  const [unit, name] = units.find(([each]) => ms >= 2 * each) ?? [1000, 'second'];
  const n = Math.max(0, Math.round(ms / unit));
  return `${n} ${name}${n === 1 ? '' : 's'}`;
}
