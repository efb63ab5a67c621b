import { messageOf } from '../../errors/errors.ts';
import type { Journal, Told } from '../operations/journal.ts';
import {
  isWriting,
  type OperationKind,
  type RangeSight,
  SIMULATED,
  type StateSight,
  tagOf,
  type Written,
  writerOf,
} from '../operations/operation.ts';
import { contentOf, placeSum, sumOf } from '../operations/sum.ts';
import {
  type Blame,
  type Found,
  type Item,
  Refusal,
  type Store,
  type StoreEntry,
  type StoreTransaction,
  type Target,
} from '../target.ts';
import { gather } from './gather.ts';
import { isSimulated } from './turn-probe.ts';

/** What a workload gives to be appended. */
export interface Draft {
  readonly op: string;
  readonly id: string;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** What a workload sees of the state. */
export interface Look {
  readonly seq: number | undefined;
  /** The items that it asked for, or all. */
  readonly items: readonly Item[];
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

  constructor(store: Store, target: Target, record: Notes, number: number) {
    this.#store = store;
    this.#target = target;
    this.#record = record;
    this.#number = number;
  }

  /** Opens a store, which is an operation too. `number`: which of those that the client opened. */
  static async open(
    target: Target,
    record: Notes,
    number: number,
    open: () => Promise<Store>,
  ): Promise<RecordedStore> {
    const store = await noted({ target, record, kind: 'open', number }, open);
    return new RecordedStore(store, target, record, number);
  }

  /**
   * Appends an entry. `after`: only if the id is as it was seen there, `undefined` if it was not there (ability
   * `expect`). Answers the entry's number, where the store tells it.
   */
  async append(draft: Draft, terms?: { readonly after: Item | undefined }): Promise<number | undefined> {
    const from = terms && (writerOf(terms.after?.value) ?? null);
    const entry = this.#sign(draft, this.#record.journal.next, 0, from);
    const expected = terms && { rev: terms.after?.rev ?? 0 };
    // One that has no numbers may answer nothing at all.
    const append = async () => (await this.#store.append(entry, expected)) ?? {};
    const { seq } = await this.#noted('append', [this.#written(entry)], append, ({ seq }) => ({ seq }));
    return seq;
  }

  /** Appends entries, all or none (ability `batch`). */
  async appendBatch(drafts: readonly Draft[]): Promise<number | undefined> {
    const { next } = this.#record.journal;
    const entries = drafts.map((draft, i) => this.#sign(draft, next, i));
    const append = async () => (await this.#has('appendBatch')(entries)) ?? {};
    const { seq } = await this.#noted(
      'batch',
      entries.map((entry) => this.#written(entry)),
      append,
      ({ seq }) => ({ seq }),
    );
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
    const { answer } = await this.#noted('transaction', undefined, transact, ({ seq }) => ({ seq, entries }));
    return answer as R;
  }

  /** Reads the entries of a range; by default from the first that is there to the last. */
  read(range: { readonly from?: number; readonly to?: number } = {}): Promise<Found[]> {
    const read = async () => gather(this.#store.read(range));
    return this.#noted('read', undefined, read, (found) => ({ saw: rangeSight(found, range) }));
  }

  /** Reads the entries from a number on, and those to come, for so long (ability `follow`). */
  follow(from: number, ms: number): Promise<Found[]> {
    const follow = async () => gather(this.#has('follow')(from, AbortSignal.timeout(ms)));
    // How far it gets is a matter of time.
    const sight = (found: readonly Found[]) => rangeSight(found, { from, to: Infinity });
    return this.#noted('read', undefined, follow, (found) => ({ saw: sight(found) }));
  }

  /** Looks at the state (ability `state`): at some ids, or at all that there is. */
  look(ids?: readonly string[]): Promise<Look> {
    const look = async () => {
      const state = await this.#has('state')();
      const items = ids === undefined ? [...state.items()] : ids.flatMap((id) => state.get(id) ?? []);
      return { seq: state.seq, items };
    };
    return this.#noted('look', undefined, look, (look) => ({ saw: stateSight(look, ids) }));
  }

  /** Compacts the store (ability `compact`). */
  compact(): Promise<void> {
    return this.#noted('compact', undefined, async () => this.#has('compact')());
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
    return { op, id, sum: sumOf(data), ...(this.#record.hashes && contentOf(data)) };
  }

  #has<Name extends keyof Store>(name: Name): NonNullable<Store[Name]> {
    const method = this.#store[name];
    if (method === undefined) throw new Refusal('unable', `The target ${this.#target.name} has no ${name}.`);
    return (method as (...args: unknown[]) => unknown).bind(this.#store) as NonNullable<Store[Name]>;
  }

  #noted<T>(
    kind: OperationKind,
    entries: readonly Written[] | undefined,
    work: () => Promise<T>,
    tell?: (answer: T) => Partial<Told>,
  ): Promise<T> {
    const whose = { target: this.#target, record: this.#record, number: this.#number };
    return noted({ ...whose, kind, entries }, work, tell);
  }
}

interface Noting {
  readonly target: Target;
  readonly record: Notes;
  readonly number: number;
  readonly kind: OperationKind;
  readonly entries?: readonly Written[] | undefined;
}

async function noted<T>(
  { target, record, number: store, kind, entries }: Noting,
  work: () => Promise<T>,
  tell: (answer: T) => Partial<Told> = () => ({}),
): Promise<T> {
  const { journal, tally } = record;
  const number = journal.begin(kind, entries, store);
  const writes = isWriting({ kind }) ? 1 : 0;
  record.writing += writes;
  try {
    const answer = await work();
    journal.end(number, { outcome: 'acknowledged', ...tell(answer) });
    tally.acknowledged++;
    return answer;
  } catch (error) {
    const { outcome, reason } = blameOf(error, kind, target);
    journal.end(number, { outcome, reason, message: messageOf(error) });
    tally[outcome]++;
    if (typeof error === 'object' && error !== null) record.noted.add(error);
    throw error;
  } finally {
    record.writing -= writes;
  }
}

function blameOf(error: unknown, kind: OperationKind, target: Target): Blame {
  if (error instanceof Refusal) return { outcome: 'refused', reason: error.reason };
  const judged = target.blame?.(error) ?? { outcome: 'unknown', reason: 'error' };
  const blame = isSimulated(error) ? { ...judged, reason: SIMULATED } : judged;
  return isWriting({ kind }) ? blame : { ...blame, outcome: 'refused' };
}

function rangeSight(found: readonly Found[], { from = 1, to }: { from?: number; to?: number }): RangeSight {
  const first = found[0]?.seq ?? from;
  let sum = 0;
  let gap = false;
  for (const [i, { seq, data }] of found.entries()) {
    sum = (sum + placeSum(seq, writerOf(data))) >>> 0;
    gap ||= seq !== first + i;
  }
  return {
    from: first,
    to: first + found.length - 1,
    sum,
    toEnd: to === undefined,
    ...(gap && { gap: true as const }),
  };
}

function stateSight({ seq, items }: Look, ids: readonly string[] | undefined): StateSight {
  const seen = new Map<string, string | null>(ids?.map((id) => [id, null]));
  for (const { id, value } of items) seen.set(id, writerOf(value) ?? null);
  return { seq, items: [...seen] };
}
