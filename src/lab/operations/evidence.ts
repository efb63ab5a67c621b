import type { MemberReport } from '../harness/member.ts';
import type { ClientKind, Params } from '../scenario.ts';
import type { Ability, Found, Item, Oddity } from '../target.ts';
import { isWriting, type Operation, tagOf, writerOf } from './operation.ts';
import type { Mark, Turn } from './run-record.ts';
import { Write } from './write.ts';

/** All that is known after a run: what the clients say, and what the store has. */
export interface Findings {
  readonly clients: number;
  readonly iterations: number;
  readonly as: ClientKind;
  readonly lock: string;
  readonly params: Params;
  readonly can: readonly Ability[];
  /** Of each client in the order of its calls. */
  readonly operations: readonly Operation[];
  /** Write turns, in the order of `from`; none where they were not noted. */
  readonly turns: readonly Turn[];
  /** What was done to clients and lock, in the order of `at`. */
  readonly marks: readonly Mark[];
  /** The chance that a write failed on purpose. */
  readonly failRate?: number;
  /** What can be read in the end, in order. */
  readonly found: readonly Found[];
  /** The state in the end, where the target can tell it. */
  readonly state: { readonly seq?: number | undefined; readonly items: readonly Item[] } | undefined;
  readonly oddities: readonly Oddity[];
  /** Refusals that the scenario allows. */
  readonly refusals: readonly string[];
  /** For what reasons nobody may know whether an operation was done. */
  readonly unknowns: readonly string[];
  readonly leftovers: readonly string[];
  /** Each client, and `prepare` and `conclude`. */
  readonly members: readonly MemberReport[];
  /** From the common start to the end of the last operation. */
  readonly seconds: number;
}

/** What checks look at: the findings, with every write found in the store. */
export class Evidence implements Findings {
  declare readonly clients: number;
  declare readonly iterations: number;
  declare readonly as: ClientKind;
  declare readonly lock: string;
  declare readonly params: Params;
  declare readonly can: readonly Ability[];
  declare readonly operations: readonly Operation[];
  declare readonly turns: readonly Turn[];
  declare readonly marks: readonly Mark[];
  declare readonly failRate?: number;
  declare readonly found: readonly Found[];
  declare readonly state: Findings['state'];
  declare readonly oddities: readonly Oddity[];
  declare readonly refusals: readonly string[];
  declare readonly unknowns: readonly string[];
  declare readonly leftovers: readonly string[];
  declare readonly members: readonly MemberReport[];
  declare readonly seconds: number;
  readonly writes: readonly Write[];
  /** Of each entry that was found: which of the writes wrote it, and which of that one's entries it is. */
  readonly authors: readonly (Write | undefined)[];
  readonly parts: Uint32Array;
  /** The first number that can be read: what lies before was compacted away. */
  readonly oldest: number;
  /** The last number there is. */
  readonly head: number;

  constructor(findings: Findings) {
    Object.assign(this, findings);
    const { operations, found, state } = findings;
    const signatures = new Signatures(operations);
    this.writes = signatures.writes;
    this.head = state?.seq ?? found.at(-1)?.seq ?? 0;
    this.oldest = found[0]?.seq ?? this.head + 1;
    this.parts = new Uint32Array(found.length);
    this.authors = found.map(({ seq, data }, i) => {
      const by = writerOf(data);
      const author = by === undefined ? undefined : signatures.find(by);
      author?.write.lies(author.entry, seq);
      this.parts[i] = author?.entry ?? 0;
      return author?.write;
    });
  }
}

/** Finds who wrote an entry by its tag. */
class Signatures {
  readonly writes: Write[] = [];
  /** By client and run; then by the operation's number. */
  readonly #runs = new Map<string, (Write | undefined)[]>();

  constructor(operations: readonly Operation[]) {
    let run: (Write | undefined)[] = [];
    let last: Operation | undefined;
    for (const operation of operations) {
      if (operation.client !== last?.client || operation.run !== last.run) {
        run = [];
        this.#runs.set(`${operation.client}.${operation.run}`, run);
      }
      last = operation;
      if (!isWriting(operation)) continue;
      const write = new Write(operation);
      this.writes.push(write);
      run[operation.number] = write;
    }
  }

  find(tag: string): { readonly write: Write; readonly entry: number } | undefined {
    const number = tag.indexOf('.', tag.indexOf('.') + 1) + 1;
    const entry = tag.indexOf('.', number) + 1;
    const run = this.#runs.get(tag.slice(0, Math.max(0, number - 1)));
    const write = run?.[wholeAt(tag, number, entry === 0 ? tag.length : entry - 1)];
    return write && { write, entry: entry === 0 ? 0 : wholeAt(tag, entry, tag.length) };
  }
}

/** The whole number in a part of a text, without making a text of it; NaN where there is none. */
function wholeAt(text: string, from: number, to: number): number {
  let value = from < to ? 0 : Number.NaN;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
  }
  return value;
}

/** How a fault's message names an operation. */
export function nameOf(operation: Operation): string {
  const { client, kind, entries } = operation;
  const ids = [...new Set(entries.map(({ id }) => id))];
  const of = ids.length === 0 ? '' : ` of ${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', …' : ''}`;
  return `client ${client}'s ${kind}${of} (${tagOf(operation)})`;
}
