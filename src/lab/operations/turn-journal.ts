import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { instant } from './instant.ts';
import type { Turn } from './run-record.ts';

type Line = Pick<Turn, 'asked' | 'from'> | Pick<Turn, 'to'>;

const NAME = /^(.+)\.\d+\.jsonl$/;

/**
 * One run of a client writes down when its stores had their write turn, as JSON lines: that it has it, as soon as it does, and
 * that it gives it back, before it does. So no kill can hide a turn, and turns that a lock keeps apart never seem to overlap.
 */
export class TurnJournal {
  readonly #file: number;

  constructor(directory: string, client: string, run: number) {
    this.#file = openSync(join(directory, `${client}.${run}.jsonl`), 'ax');
  }

  /** `asked`: of `instant()`, when it began to wait. */
  taken(asked: number): void {
    this.#note({ asked, from: instant() });
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
