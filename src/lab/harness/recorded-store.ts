import { messageOf } from '../../errors/errors.ts';
import type { Asked, Journal, Told } from '../operations/journal.ts';
import {
  type Expected,
  type Head,
  isWriting,
  type RangeSight,
  SIMULATED,
  type StateSight,
  tagOf,
  type Written,
  writerOf,
} from '../operations/operation.ts';
import { contentOf, entrySum, placeSum } from '../operations/sum.ts';
import {
  type Appended,
  type Blame,
  type Found,
  Refusal,
  type Store,
  type StoreEntry,
  type StoreItem,
  type StoreTransaction,
  type Target,
  type Terms,
} from '../target.ts';
import { gather } from './gather.ts';
import { isSimulated } from './turn-probe.ts';

/** What a workload gives to be appended. */
export interface Draft {
  readonly op: string;
  readonly id: string;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** On what terms. */
export interface DraftTerms {
  /** Only if the id is as it was seen there, `undefined` if it was not there (ability `expect`). */
  readonly after?: StoreItem | undefined;
  /** Only if the log ends there (ability `head`). */
  readonly head?: Head | undefined;
  /** Once, however often it is appended with this key (ability `key`). */
  readonly key?: string | undefined;
}

/** What a workload sees of the state. */
export interface Look {
  readonly seq: number | undefined;
  /** The items that it asked for, or all. */
  readonly items: readonly StoreItem[];
}

/** What a workload's transaction reads and writes. */
export interface RecordedTransaction extends Pick<StoreTransaction, 'get' | 'items'> {
  append(draft: Draft): void;
}

/** How many of the operations ended in which way, since they were last asked for. */
export interface Tally {
  acknowledged: number;
  refused: number;
  unknown: number;
}

/** Where a store's operations are noted, and whose they are. */
export interface Notes {
  readonly journal: Journal;
  readonly tally: Tally;
  /** What operations rejected with: it is noted down. */
  readonly noted: WeakSet<object>;
  /** How many writes are under way. */
  writing: number;
  /** See `RunOptions.hashes`. */
  readonly hashes: boolean;
}

/**
 * A client's store: each operation is noted in the client's journal before and after, and each entry that is appended
 * says in its data who wrote it (`by`), and, where it was decided on what was there, who had written that (`from`).
 */
export class RecordedStore {
  readonly #store: Store;
  readonly #target: Target;
  readonly #record: Notes;
  /** Which of the stores that its client opened. */
  readonly #number: number;

  /** @internal */
  constructor(store: Store, target: Target, record: Notes, number: number) {
    this.#store = store;
    this.#target = target;
    this.#record = record;
    this.#number = number;
  }

  /**
   * Opens a store, which is an operation too. `number`: which of those that the client opened.
   * @internal
   */
  static async open(
    target: Target,
    record: Notes,
    number: number,
    open: () => Promise<Store>,
  ): Promise<RecordedStore> {
    const store = await noted({ target, record, asked: { kind: 'open' }, number }, open);
    return new RecordedStore(store, target, record, number);
  }

  /** Appends an entry. Answers its number, where the store tells it. */
  append(draft: Draft, terms: DraftTerms = {}): Promise<number | undefined> {
    const seen = 'after' in terms ? seenOf(terms.after) : undefined;
    const entry = this.#sign(draft, this.#record.journal.next, 0, seen?.from);
    return this.#append('append', [entry], { ...seen, ...terms.head }, terms, (given) =>
      this.#store.append(entry, given),
    );
  }

  /** Appends entries, all or none (ability `batch`). Answers the number of the first, where the store tells it. */
  appendBatch(drafts: readonly Draft[], terms: Omit<DraftTerms, 'after'> = {}): Promise<number | undefined> {
    const { next } = this.#record.journal;
    const entries = drafts.map((draft, i) => this.#sign(draft, next, i));
    return this.#append('batch', entries, { ...terms.head }, terms, (given) =>
      this.#has('appendBatch')(entries, given),
    );
  }

  async #append(
    kind: 'append' | 'batch',
    entries: readonly StoreEntry[],
    expect: Expected,
    { head, key }: DraftTerms,
    append: (terms: Terms | undefined) => Promise<Appended>,
  ): Promise<number | undefined> {
    const { rev } = expect;
    const given = {
      ...(rev !== undefined && { rev }),
      ...(head && { head }),
      ...(key !== undefined && { key }),
    };
    const isPlain = Object.keys(given).length === 0;
    const asked = {
      kind,
      entries: entries.map((entry) => this.#written(entry)),
      ...((rev !== undefined || head) && { expect }),
      key,
    };
    // One that has no numbers may answer nothing at all.
    const work = async () => (await append(isPlain ? undefined : given)) ?? {};
    const { seq } = await this.#noted(asked, work, ({ seq, duplicate }) => ({ seq, duplicate }));
    return seq;
  }

  /** Reads and writes as one step (ability `transaction`). What `decide` throws, it rejects with; a `Refusal` says why. */
  async transaction<R>(
    decide: (tx: RecordedTransaction) => R,
    options: { readonly maxTries?: number } = {},
  ): Promise<R> {
    const { next } = this.#record.journal;
    let entries: Written[] = [];
    const recorded = (tx: StoreTransaction): RecordedTransaction => ({
      get: (id) => tx.get(id),
      items: () => tx.items(),
      append: (draft) => {
        const entry = this.#sign(draft, next, entries.length, writerOf(tx.get(draft.id)?.value) ?? null);
        entries.push(this.#written(entry));
        tx.append(entry);
      },
    });
    const transact = async () =>
      this.#has('transaction')((tx) => {
        entries = [];
        return decide(recorded(tx)) as unknown;
      }, options);
    const { answer } = await this.#noted({ kind: 'transaction' }, transact, ({ seq }) => ({ seq, entries }));
    return answer as R;
  }

  /** Reads the entries of a range; by default from the first that is there to the last. */
  read(range: { readonly from?: number; readonly to?: number } = {}): Promise<Found[]> {
    const read = async () => gather(this.#store.read(range));
    return this.#noted({ kind: 'read' }, read, (found) => ({ saw: rangeSight(found, range) }));
  }

  /** Reads the entries from a number on, and those to come, for so long (ability `follow`). */
  follow(from: number, ms: number): Promise<Found[]> {
    const follow = async () => gather(this.#has('follow')(from, AbortSignal.timeout(ms)));
    // How far it gets is a matter of time.
    const sight = (found: readonly Found[]) => ({ ...rangeSight(found, { from }), toEnd: false });
    return this.#noted({ kind: 'read' }, follow, (found) => ({ saw: sight(found) }));
  }

  /** Looks at the state (ability `state`): at some ids, or at all that there is. */
  look(ids?: readonly string[]): Promise<Look> {
    const look = async () => {
      const state = await this.#has('state')();
      const items = ids === undefined ? [...state.items()] : ids.flatMap((id) => state.get(id) ?? []);
      return { seq: state.seq, items };
    };
    return this.#noted({ kind: 'look' }, look, (look) => ({ saw: stateSight(look, ids) }));
  }

  /** Looks where the log ends (ability `head`). */
  head(): Promise<Head> {
    const head = async () => this.#has('head')();
    return this.#noted({ kind: 'look' }, head, ({ seq, crc }) => ({ saw: { seq, crc, items: [] } }));
  }

  /** Compacts the store (ability `compact`). */
  compact(): Promise<void> {
    return this.#noted({ kind: 'compact' }, async () => this.#has('compact')());
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #sign({ op, id, data }: Draft, number: number, index: number, from?: string | null): StoreEntry {
    const { client, run } = this.#record.journal;
    const by = tagOf({ client, run, number }, index);
    return { op, id, data: { ...data, by, ...(from !== undefined && { from }) } };
  }

  #written({ op, id, data }: StoreEntry): Written {
    return { op, id, sum: entrySum(op, id, data), ...(this.#record.hashes && contentOf(data)) };
  }

  #has<Name extends keyof Store>(name: Name): NonNullable<Store[Name]> {
    const method = this.#store[name];
    if (method === undefined) throw new Refusal('unable', `The target ${this.#target.name} has no ${name}.`);
    return (method as (...args: unknown[]) => unknown).bind(this.#store) as NonNullable<Store[Name]>;
  }

  #noted<T>(asked: Asked, work: () => Promise<T>, tell?: (answer: T) => Partial<Told>): Promise<T> {
    const whose = { target: this.#target, record: this.#record, number: this.#number };
    return noted({ ...whose, asked }, work, tell);
  }
}

interface Noting {
  readonly target: Target;
  readonly record: Notes;
  readonly number: number;
  readonly asked: Asked;
}

async function noted<T>(
  { target, record, number: store, asked }: Noting,
  work: () => Promise<T>,
  tell: (answer: T) => Partial<Told> = () => ({}),
): Promise<T> {
  const { journal, tally } = record;
  const number = journal.begin(asked, store);
  const writes = isWriting(asked) ? 1 : 0;
  record.writing += writes;
  try {
    const answer = await work();
    journal.end(number, { outcome: 'acknowledged', ...tell(answer) });
    tally.acknowledged++;
    return answer;
  } catch (error) {
    const { outcome, ...blame } = blameOf(error, asked, target);
    journal.end(number, { outcome, ...blame, message: messageOf(error) });
    tally[outcome]++;
    if (typeof error === 'object' && error !== null) record.noted.add(error);
    throw error;
  } finally {
    record.writing -= writes;
  }
}

function blameOf(error: unknown, asked: Asked, target: Target): Blame {
  if (error instanceof Refusal) return { outcome: 'refused', reason: error.reason };
  const judged = target.blame?.(error) ?? { outcome: 'unknown', reason: 'error' };
  const blame = isSimulated(error) ? { ...judged, reason: SIMULATED } : judged;
  return isWriting(asked) ? blame : { ...blame, outcome: 'refused' };
}

/** What an append expects of an id: that it is as it was seen. */
function seenOf(item: StoreItem | undefined): Expected {
  return { rev: item?.rev ?? 0, from: writerOf(item?.value) ?? null };
}

function rangeSight(
  found: readonly Found[],
  { from, to = Infinity }: { from?: number; to?: number },
): RangeSight {
  const first = found[0]?.seq ?? from ?? 1;
  let sum = 0;
  let gap = from !== undefined && first !== from;
  for (const [i, { seq, data }] of found.entries()) {
    sum = (sum + placeSum(seq, writerOf(data))) >>> 0;
    gap ||= seq !== first + i;
  }
  const last = first + found.length - 1;
  // Who asked for entries that are not there yet did not see where the log ends.
  const toEnd = last < to && (found.length > 0 || from === undefined);
  return { from: first, to: last, sum, toEnd, ...(gap && { gap: true as const }) };
}

function stateSight({ seq, items }: Look, ids: readonly string[] | undefined): StateSight {
  const seen = new Map<string, StateSight['items'][number]>(ids?.map((id) => [id, [id, null]]));
  for (const { id, value, rev } of items) {
    const by = writerOf(value) ?? null;
    seen.set(id, rev === undefined ? [id, by] : [id, by, rev]);
  }
  return { seq, items: [...seen.values()] };
}
