import { fstatSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { usageError } from './failure.ts';

/**
 * Standard input of a command that does not read it. What is there by the time the command is about to write was meant for it.
 * Nothing is waited for: a pipe that a parent process leaves open, and never writes to, is as good as none.
 */
export class UnreadInput {
  readonly #stream: NodeJS.ReadStream | undefined;
  #hasData = false;

  /** Begins to look. */
  constructor() {
    const kind = kindOfInput();
    if (kind === 'file') this.#hasData = isUnread();
    if (kind !== 'stream') return;
    const { stdin } = process;
    this.#stream = stdin;
    // What cannot be read is not used either.
    stdin.on('error', () => {});
    stdin.on('readable', () => {
      const piece: unknown = stdin.read();
      if (piece !== null && /\S/.test(String(piece))) this.#hasData = true;
    });
  }

  /** Throws where there is data, other than white space. */
  async refuseData(): Promise<void> {
    if (this.#stream !== undefined) {
      // What lies in a pipe is told within a turn of the event loop that begins after the look did.
      await turn();
      await turn();
    }
    if (!this.#hasData) return;
    throw usageError(
      'Standard input has data that this append would not use: pass it on with --data -, leave out --op and --id if it is entries, one a line, or give the command no input (< /dev/null). Nothing was appended.',
    );
  }

  /** Lets go of it: otherwise the process would wait for its end. */
  close(): void {
    this.#stream?.destroy();
  }
}

/** A terminal, a device or a directory has nothing for the command. The stream is not opened to tell: that takes a process 2 ms. */
function kindOfInput(): 'stream' | 'file' | 'nothing' {
  // Not the process's own, as within a test.
  if (Object.getOwnPropertyDescriptor(process, 'stdin')?.get === undefined) return 'stream';
  // Windows tells no other way.
  if (process.platform === 'win32' && process.stdin.isTTY) return 'nothing';
  const stats = fstatSync(0);
  if (stats.isFIFO() || stats.isSocket()) return 'stream';
  return stats.isFile() && stats.size > 0 ? 'file' : 'nothing';
}

/**
 * Whether the file that is standard input was read by nobody yet. A shell's loop (`while read ...; done < FILE`) reads it, and its
 * commands have it too. Only Linux tells; elsewhere it counts as unread.
 */
function isUnread(): boolean {
  try {
    return /^pos:\s+0$/m.test(readFileSync('/proc/self/fdinfo/0', 'utf8'));
  } catch {
    return true;
  }
}
