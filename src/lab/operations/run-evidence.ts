import type { MemberReport } from '../harness/member.ts';
import type { ClientKind, Params } from '../model.ts';
import type { Ability, Found, Oddity, StoreItem } from '../target.ts';
import { Entries } from './entries.ts';
import { conflictGlimpsesOf, type Glimpse, glimpsesOf } from './glimpse.ts';
import { type Gone, goneOf } from './gone.ts';
import { Heads } from './heads.ts';
import { Ids } from './ids.ts';
import { Keys } from './keys.ts';
import { type Head, isWriting, type Operation, tagOf } from './operation.ts';
import type { Mark, Turn } from './run-record.ts';
import { Signatures } from './signatures.ts';
import { Terms } from './terms.ts';
import { GlimpsedTimeline, WriteTimeline } from './timeline.ts';
import { Writes } from './writes.ts';

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
  readonly state: { readonly seq?: number | undefined; readonly items: readonly StoreItem[] } | undefined;
  /** Where the log ends, where the target can tell it. */
  readonly end?: Head | undefined;
  readonly oddities: readonly Oddity[];
  /** Refusals that the scenario allows. */
  readonly refusals: readonly string[];
  /** For what reasons nobody may know whether an operation was done. */
  readonly unknowns: readonly string[];
  /** Among how many of the last entries a key is found. Default: among all. */
  readonly keyWindow?: number;
  readonly leftovers: readonly string[];
  /** Each client, and `prepare` and `conclude`. */
  readonly members: readonly MemberReport[];
  /** From the common start to the end of the last operation. */
  readonly seconds: number;
}

/** What checks look at: the findings, with every write found in the store. */
export class RunEvidence implements Findings {
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
  declare readonly end?: Head | undefined;
  declare readonly oddities: readonly Oddity[];
  declare readonly refusals: readonly string[];
  declare readonly unknowns: readonly string[];
  declare readonly keyWindow?: number;
  declare readonly leftovers: readonly string[];
  declare readonly members: readonly MemberReport[];
  declare readonly seconds: number;
  readonly writes: Writes;
  /** The operations that saw something. */
  readonly reads: readonly Operation[];
  /** Those that were refused because something was not as they expected, or others came first again and again. */
  readonly conflicts: readonly Operation[];
  readonly entries: Entries;
  /** All ids that were written, those of entries that were compacted away too. */
  readonly ids: Ids;
  /** The first number that can be read: what lies before was compacted away. */
  readonly oldest: number;
  /** The last number there is. */
  readonly head: number;
  #gone: Gone | undefined;
  #heads: Heads | undefined;
  #keys: Keys | undefined;
  #terms: Terms | undefined;
  #written: WriteTimeline | undefined;
  #seen: GlimpsedTimeline | undefined;
  #told: GlimpsedTimeline | undefined;
  #glimpses: readonly Glimpse[] | undefined;
  #conflictGlimpses: readonly Glimpse[] | undefined;

  constructor(findings: Findings) {
    Object.assign(this, findings);
    const { operations, found, state } = findings;
    const ids = new Ids(found.length);
    this.ids = ids;
    const writes = new Writes(operations.length);
    this.writes = writes;
    const entries = new Entries(found.length);
    this.entries = entries;
    this.head = state?.seq ?? found.at(-1)?.seq ?? 0;
    this.oldest = found[0]?.seq ?? this.head + 1;
    const reads: Operation[] = [];
    const conflicts: Operation[] = [];
    for (const operation of operations) {
      if (operation.saw !== undefined) reads.push(operation);
      if (!isWriting(operation)) continue;
      writes.add(operation);
      if (operation.outcome === 'refused' && operation.reason === 'conflict') conflicts.push(operation);
    }
    this.reads = reads;
    this.conflicts = conflicts;
    const signatures = new Signatures(writes);
    for (let i = 0; i < found.length; i++) {
      const one = found[i] as Found;
      const by = entries.put(i, one, ids.numberOf(one.id));
      if (by === undefined || !signatures.find(by)) continue;
      const { write, entry } = signatures;
      // A number of more entries than there ever were was given by nobody.
      if (!(entry < Math.max(found.length, this.head, writes.toldOf(write)))) continue;
      writes.lies(write, entry, one.seq);
      entries.writes[i] = write;
      entries.parts[i] = entry;
    }
    if (this.oldest === 1) return;
    for (const { entries } of writes.operations) for (const { id } of entries) ids.numberOf(id);
  }

  get gone(): Gone {
    this.#gone ??= goneOf(this.writes, this.oldest);
    return this.#gone;
  }

  get heads(): Heads {
    this.#heads ??= new Heads(this);
    return this.#heads;
  }

  get keys(): Keys {
    this.#keys ??= new Keys(this);
    return this.#keys;
  }

  get terms(): Terms {
    this.#terms ??= new Terms(this);
    return this.#terms;
  }

  /** When what was written came to be there, as far as who wrote it tells. */
  get written(): WriteTimeline {
    this.#written ??= new WriteTimeline(this);
    return this.#written;
  }

  /** The same, with what readers saw. */
  get seen(): GlimpsedTimeline {
    this.#seen ??= new GlimpsedTimeline(this.written, this.head, this.glimpses, []);
    return this.#seen;
  }

  /** The same, with what readers did not see yet, and what conflicts told. */
  get told(): GlimpsedTimeline {
    this.#told ??= new GlimpsedTimeline(this.seen, this.head, this.conflictGlimpses, this.glimpses);
    return this.#told;
  }

  /** How far the log had come, as readers tell. */
  get glimpses(): readonly Glimpse[] {
    this.#glimpses ??= glimpsesOf(this);
    return this.#glimpses;
  }

  /** The same, as conflicts tell. */
  get conflictGlimpses(): readonly Glimpse[] {
    this.#conflictGlimpses ??= conflictGlimpsesOf(this);
    return this.#conflictGlimpses;
  }
}

/** How a fault's message names an operation. */
export function nameOf(operation: Operation): string {
  const { client, kind, entries } = operation;
  const ids = [...new Set(entries.map(({ id }) => id))];
  const of = ids.length === 0 ? '' : ` of ${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', …' : ''}`;
  return `client ${client}'s ${kind}${of} (${tagOf(operation)})`;
}
