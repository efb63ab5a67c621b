import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { instant } from './instant.ts';
import type { Operation, OperationKind, Written } from './operation.ts';

/** How an operation began, and how it ended: a line each. */
interface Begun {
  readonly number: number;
  readonly kind: OperationKind;
  readonly start: number;
  readonly entries?: readonly Written[];
}
type Ended = Pick<Operation, 'number' | 'end' | 'outcome'> &
  Partial<Pick<Operation, 'entries' | 'seq' | 'saw' | 'reason' | 'message'>>;

/** What an operation's end tells. */
export type Told = Omit<Ended, 'number' | 'end'>;

const NAME = /^(.+)\.(\d+)\.jsonl$/;

/**
 * One run of a client writes down what it does, as JSON lines. That an operation began is in the file before it begins,
 * so that no kill can hide it; how it ended, at the latest when the next begins: what a kill takes of that makes it
 * unknown, which is true of it too.
 */
export class Journal {
  readonly client: string;
  readonly run: number;
  readonly #file: number;
  #waiting = '';
  #next = 0;

  constructor(directory: string, client: string, run: number) {
    this.client = client;
    this.run = run;
    this.#file = openSync(join(directory, `${client}.${run}.jsonl`), 'ax');
  }

  /** The number of the operation that begins next. */
  get next(): number {
    return this.#next;
  }

  begin(kind: OperationKind, entries: readonly Written[] | undefined): number {
    const number = this.#next++;
    this.#note({ number, kind, start: instant(), ...(entries && { entries }) } satisfies Begun);
    this.flush();
    return number;
  }

  end(number: number, told: Told): void {
    this.#note({ number, end: instant(), ...told } satisfies Ended);
  }

  flush(): void {
    if (this.#waiting === '') return;
    writeSync(this.#file, this.#waiting);
    this.#waiting = '';
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }

  #note(line: Begun | Ended): void {
    this.#waiting += `${JSON.stringify(line)}\n`;
  }
}

/** Reads all journals of a directory: the operations of each client in the order of its calls. */
export function readJournals(directory: string): Operation[] {
  const journals = readdirSync(directory).flatMap((name) => {
    const [, client, run] = NAME.exec(name) ?? [];
    return client === undefined ? [] : [{ client, run: Number(run), path: join(directory, basename(name)) }];
  });
  journals.sort((a, b) => a.client.localeCompare(b.client) || a.run - b.run);
  return journals.flatMap(({ client, run, path }) => readJournal(readFileSync(path, 'utf8'), client, run));
}

/** The operations of one journal's text. Its last line may have been cut by a kill. */
function readJournal(text: string, client: string, run: number): Operation[] {
  const operations: Operation[] = [];
  let from = 0;
  for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
    const line = JSON.parse(text.slice(from, to)) as Begun | Ended;
    from = to + 1;
    operations[line.number] =
      'start' in line
        ? { client, run, end: Infinity, outcome: 'unknown', entries: [], ...line }
        : Object.assign(operations[line.number] as Operation, line);
  }
  return operations;
}
