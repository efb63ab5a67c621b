import type { WriteStream } from 'node:tty';

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Style = keyof typeof CODES;

/** The text in a style, where the stream is a terminal that shows any (NO_COLOR and TERM=dumb are heeded). */
export function colour(stream: NodeJS.WriteStream, style: Style, text: string): string {
  const terminal: Partial<WriteStream> = stream;
  if (!stream.isTTY || !terminal.hasColors?.()) return text;
  const [on, off] = CODES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}
