import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { instant } from './instant.ts';
import { type Expected, type Operation, type OperationKind, operationOf, type Written } from './operation.ts';
import type { Mark } from './run-record.ts';

/** How an operation began, and how it ended: a line each. */
interface Begun {
  readonly number: number;
  readonly step: number;
  readonly store?: number;
  readonly kind: OperationKind;
  readonly start: number;
  readonly entries?: readonly Written[];
  readonly expect?: Expected | undefined;
  readonly key?: string | undefined;
}
type Ended = Pick<Operation, 'number' | 'end' | 'outcome'> &
  Partial<Pick<Operation, 'entries' | 'seq' | 'duplicate' | 'head' | 'rev' | 'saw' | 'reason' | 'message'>>;

/** What the client was about to do to itself. */
type Marked = Pick<Mark, 'at'> & { readonly mark: Mark['kind'] };

/** What is known of an operation before it begins. */
export type Asked = Pick<Begun, 'kind' | 'entries' | 'expect' | 'key'>;

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
  /** The step that is under way. */
  step = 0;
  readonly #file: number;
  #waiting = '';
  #next = 0;

  constructor(directory: string, client: string, run: number) {
    this.client = client;
    this.run = run;
    this.#file = openSync(journalPath(directory, client, run), 'ax');
  }

  /** The number of the operation that begins next. */
  get next(): number {
    return this.#next;
  }

  begin(asked: Asked, store: number): number {
    const number = this.#next++;
    const { step } = this;
    const begun: Begun = { number, step, start: instant(), ...(store > 0 && { store }), ...asked };
    this.#note(begun);
    this.flush();
    return number;
  }

  end(number: number, told: Told): void {
    this.#note({ number, end: instant(), ...told } satisfies Ended);
  }

  /** Notes what is done to the client now: it is in the file when this returns. */
  mark(kind: Mark['kind']): void {
    this.#note({ mark: kind, at: instant() } satisfies Marked);
    this.flush();
  }

  flush(): void {
    if (this.#waiting === '') return;
    // On a disk that is full, one write may take a part of it and say nothing.
    writeFileSync(this.#file, this.#waiting);
    this.#waiting = '';
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }

  #note(line: Begun | Ended | Marked): void {
    this.#waiting += `${JSON.stringify(line)}\n`;
  }
}

function journalPath(directory: string, client: string, run: number): string {
  return join(directory, `${client}.${run}.jsonl`);
}

/** What journals tell. */
export interface Journaled {
  /** Of each client in the order of its calls. */
  readonly operations: Operation[];
  /** What clients did to themselves. */
  readonly marks: Mark[];
}

/** Reads all journals of a directory. */
export function readJournals(directory: string): Journaled {
  const journals = readdirSync(directory).flatMap((name) => {
    const [, client, run] = NAME.exec(name) ?? [];
    return client === undefined ? [] : [{ client, run: Number(run), path: join(directory, basename(name)) }];
  });
  journals.sort((a, b) => a.client.localeCompare(b.client) || a.run - b.run);
  const all: Journaled = { operations: [], marks: [] };
  for (const { client, run, path } of journals) {
    const { operations, marks } = parseJournal(readFileSync(path, 'utf8'), client, run);
    for (const operation of operations) all.operations.push(operation);
    all.marks.push(...marks);
  }
  return all;
}

/** Reads one journal; of a client that did not come to begin one, an empty one. */
export function readJournal(directory: string, client: string, run: number): Journaled {
  const path = journalPath(directory, client, run);
  return parseJournal(existsSync(path) ? readFileSync(path, 'utf8') : '', client, run);
}

/** The last line may have been cut by a kill. */
function parseJournal(text: string, client: string, run: number): Journaled {
  const operations: Operation[] = [];
  const marks: Mark[] = [];
  let from = 0;
  for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
    const line = JSON.parse(text.slice(from, to)) as Begun | Ended | Marked;
    from = to + 1;
    if ('mark' in line) marks.push({ at: line.at, kind: line.mark, client });
    else
      operations[line.number] =
        'start' in line
          ? operationOf({ ...line, client, run })
          : Object.assign(operations[line.number] as Operation, line);
  }
  return { operations, marks };
}
