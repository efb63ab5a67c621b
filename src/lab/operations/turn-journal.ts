import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { instant } from './instant.ts';
import type { Turn } from './run-record.ts';

type Line = Pick<Turn, 'asked' | 'from'> | Pick<Turn, 'to'>;

const NAME = /^(.+)\.\d+\.(\d+)\.turns$/;

/**
 * One store of a client writes down when it had its write turn, as JSON lines: that it has it, as soon as it does, and
 * that it gives it back, before it does. So no kill can hide a turn, and turns that a lock keeps apart never seem to overlap.
 */
export class TurnJournal {
  readonly #file: number;
  #asked = 0;

  /** `run`: which of the client's processes; `store`: which of the stores that it opened. */
  constructor(directory: string, client: string, run: number, store: number) {
    this.#file = openSync(join(directory, `${client}.${run}.${store}.turns`), 'ax');
  }

  asked(): void {
    this.#asked = instant();
  }

  taken(): void {
    this.#note({ asked: this.#asked, from: instant() });
  }

  left(): void {
    this.#note({ to: instant() });
  }

  close(): void {
    closeSync(this.#file);
  }

  #note(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/** All turns that journals in a directory tell of, in the order of `from`. */
export function readTurns(directory: string): Turn[] {
  const turns = readdirSync(directory).flatMap((name) => {
    const client = NAME.exec(name)?.[1];
    return client === undefined ? [] : turnsOf(client, readFileSync(join(directory, name), 'utf8'));
  });
  return turns.sort((a, b) => a.from - b.from);
}

/** The last line may have been cut by a kill. */
function turnsOf(client: string, text: string): Turn[] {
  const turns: Turn[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const note = JSON.parse(line) as Line;
    if ('from' in note) turns.push({ client, ...note, to: Infinity });
    else turns[turns.length - 1] = { ...(turns.at(-1) as Turn), ...note };
  }
  return turns;
}
