import { shellWord } from '../lab/shell-word.ts';

/** A command of this program in a text, in quotes. */
const QUOTED = /"jsonl-wal ([a-z][^"]*)"/g;

/** The text, with the commands that it names on this log: to be pasted as they are printed. */
export function onLog(text: string, directory: string): string {
  return text.replaceAll(QUOTED, (whole, command: string) =>
    / (-C|--help)\b/.test(command) ? whole : `"jsonl-wal ${command} -C ${shellWord(directory)}"`,
  );
}
