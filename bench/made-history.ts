import { crc32 } from 'node:zlib';
import {
  type Expected,
  type Head,
  type Operation,
  operationOf,
  type Sight,
  tagOf,
  type Written,
} from '../src/lab/operations/operation.ts';
import type { Findings } from '../src/lab/operations/run-evidence.ts';
import { entrySum, placeSum } from '../src/lab/operations/sum.ts';
import type { Dice } from '../src/lab/seeded.ts';
import type { Found, StoreItem } from '../src/lab/target.ts';

/** A history with nothing wrong, whose parts may be changed to plant a fault. */
export interface MadeHistory extends Findings {
  readonly operations: Mutable<Operation>[];
  readonly found: Mutable<Found>[];
  readonly state: { seq?: number; readonly items: Mutable<StoreItem>[] };
  readonly keyWindow: number;
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Which take turns: of n operations, those at n modulo so many are one client's. */
export const CLIENTS = 8;
const IDS = 20;
const KEY_WINDOW = 60;
/** How many keys are tried again. */
const KEYS = 12;
/** Between the moments at which two operations take effect, and the most that each begins before it and ends after it. */
const SPACING = 10;
const REACH = 35;

/**
 * What a sound store would leave: each operation takes effect at one moment between its start and its end, and many are
 * under way at once. Appends, batches, with keys and expectations, updates and deletes that are decided on what was there, reads and
 * looks; some are refused, of some nobody knows; none of those where it is to be `settled`.
 */
export function makeHistory(count: number, dice: Dice, { settled = false } = {}): MadeHistory {
  const history = new Maker(dice, settled);
  for (let i = 0; i < count; i++) history.next(i);
  return history.finish();
}

type Called = Pick<Operation, 'client' | 'run' | 'number'>;
type Done = Pick<Operation, 'kind'> & Partial<Operation>;

interface Kept {
  readonly by: string;
  readonly seq: number;
  readonly version: number;
}

/** What nobody was answered. */
const UNKNOWN = { outcome: 'unknown', end: Infinity, seq: undefined } as const;

class Maker {
  readonly #dice: Dice;
  readonly #settled: boolean;
  readonly #operations: Mutable<Operation>[][] = Array.from({ length: CLIENTS }, () => []);
  readonly #found: Mutable<Found>[] = [];
  readonly #sums = [0];
  readonly #state = new Map<string, Kept>();
  #head: Required<Head> = { seq: 0, crc: '00000000' };
  /** A head that was, some lines ago. */
  #past: Head = this.#head;
  /** Where the latest keys are. */
  readonly #keys = new Map<string, number>();

  constructor(dice: Dice, settled: boolean) {
    this.#dice = dice;
    this.#settled = settled;
  }

  next(i: number): void {
    const dice = this.#dice;
    const moment = (i + 10) * SPACING;
    const client = i % CLIENTS;
    const own = this.#operations[client] as Mutable<Operation>[];
    const told = { client: String(client), run: 0, number: own.length };
    const [start, end] = [moment - dice() * REACH, moment + dice() * REACH];
    own.push(operationOf({ ...told, start, end, outcome: 'acknowledged', ...this.#work(told) }));
  }

  #below(most: number): number {
    return Math.floor(this.#dice() * most);
  }

  #work(told: Called): Done {
    const roll = this.#dice();
    const id = `id-${this.#below(IDS)}`;
    const name = tagOf(told);
    if (roll < 0.1) return { kind: 'read', saw: this.#readSome() };
    if (roll < 0.18) return { kind: 'look', saw: this.#lookAt(id) };
    if (roll < 0.2) return { kind: 'look', saw: { ...this.#head, items: [] } };
    if (roll < 0.23) return { kind: 'transaction', outcome: 'refused', reason: 'exhausted' };
    if (roll < 0.28 && !this.#settled) {
      if (roll < 0.25) return { kind: 'append', ...UNKNOWN, entries: [{ op: 'add', id, sum: 0 }] };
      if (roll < 0.26) return { kind: 'append', ...this.#put(told, [['add', id]]), ...UNKNOWN };
      this.#put(told, [['update', id]], this.#from(id));
      return { kind: 'transaction', ...UNKNOWN };
    }
    if (roll < 0.37) {
      const op = this.#dice() < 0.3 ? 'delete' : 'update';
      return { kind: 'transaction', ...this.#put(told, [[op, id]], this.#from(id)) };
    }
    const parts = this.#dice() < 0.2 ? ['a', 'b', 'c'] : ['x'];
    const kind = parts.length > 1 ? 'batch' : 'append';
    const entries = parts.map((part) => ['add', name + part] as const);
    if (roll < 0.41) return { kind, ...this.#afterHead(told, entries) };
    if (roll < 0.45) return { kind: 'append', ...this.#afterRev(told, id) };
    if (roll < 0.51) return { kind, ...this.#keyed(told, entries) };
    return { kind, ...this.#put(told, entries) };
  }

  /** Expects that the log ends where it does, or where it did. */
  #afterHead(told: Called, what: readonly (readonly [op: string, id: string])[]): Partial<Operation> {
    const expected = this.#dice() < 0.6 ? this.#head : this.#past;
    const expect = this.#dice() < 0.5 ? { ...expected } : { seq: expected.seq };
    if (expected.seq !== this.#head.seq)
      return { ...this.#conflict(), expect, entries: writtenOf(told, what) };
    return { ...this.#put(told, what), expect, ...this.#unheard() };
  }

  /** Expects that an id is as it is, or as it is not. */
  #afterRev(told: Called, id: string): Partial<Operation> {
    const there = this.#state.get(id);
    const is: Expected = { rev: there?.seq ?? 0, from: there?.by ?? null };
    if (this.#dice() < 0.6)
      return { ...this.#put(told, [['update', id]], is.from), expect: is, ...this.#unheard() };
    const { seq, by } =
      there === undefined ? { seq: 1 + this.#below(this.#head.seq), by: '9.9.9' } : { seq: 0, by: null };
    const expect = { rev: seq, from: by };
    return { ...this.#conflict(is.rev), expect, entries: writtenOf(told, [['update', id]], by) };
  }

  /** Most of them tell where the log ends. */
  #conflict(rev?: number): Partial<Operation> {
    const told = this.#dice() < 0.8 ? { head: { ...this.#head }, rev } : {};
    return { outcome: 'refused', reason: 'conflict', ...told };
  }

  /** Tries a new key, or one of the latest. */
  #keyed(told: Called, what: readonly (readonly [op: string, id: string])[]): Partial<Operation> {
    const known = [...this.#keys.keys()];
    const key = this.#dice() < 0.5 ? tagOf(told) : (known[this.#below(known.length)] ?? tagOf(told));
    const there = this.#keys.get(key);
    // Who was not answered may have tried before anything was there, or after.
    if (this.#dice() < 0.05 && !this.#settled) return { ...UNKNOWN, key, entries: writtenOf(told, what) };
    if (there !== undefined && there > this.#head.seq - KEY_WINDOW)
      return { seq: there, duplicate: true, key, entries: writtenOf(told, what) };
    this.#keys.delete(key);
    this.#keys.set(key, this.#head.seq + 1);
    if (known.length >= KEYS) this.#keys.delete(known[0] as string);
    return { ...this.#put(told, what), key, ...this.#unheard() };
  }

  /** Now and then it was done, and its client did not hear of it. */
  #unheard(): Partial<Operation> {
    return this.#dice() < 0.1 && !this.#settled ? UNKNOWN : {};
  }

  #from(id: string): string | null {
    return this.#state.get(id)?.by ?? null;
  }

  #put(
    told: Called,
    what: readonly (readonly [op: string, id: string])[],
    from?: string | null,
  ): { readonly entries: Written[]; readonly seq: number } {
    const first = this.#found.length + 1;
    const crc = crc32(`${this.#head.crc} ${first}`).toString(16).padStart(8, '0');
    for (const [i, [op, id]] of what.entries()) {
      const seq = first + i;
      const data = dataOf(told, i, from);
      this.#found.push({ seq, op, id, data, crc });
      this.#sums.push(((this.#sums[seq - 1] as number) + placeSum(seq, data.by)) >>> 0);
      const before = this.#state.get(id);
      if (op === 'delete') this.#state.delete(id);
      else this.#state.set(id, { by: data.by, seq, version: (before?.version ?? 0) + 1 });
    }
    if (this.#dice() < 0.3) this.#past = this.#head;
    this.#head = { seq: this.#found.length, crc };
    return { entries: writtenOf(told, what, from), seq: first };
  }

  #readSome(): Sight {
    const to = this.#found.length;
    const from = 1 + this.#below(to);
    const sum = ((this.#sums[to] as number) - (this.#sums[from - 1] as number)) >>> 0;
    return { from, to, sum, toEnd: true };
  }

  #lookAt(id: string): Sight {
    const there = this.#state.get(id);
    return { seq: this.#found.length, items: [there ? [id, there.by, there.seq] : [id, null]] };
  }

  finish(): MadeHistory {
    const items = [...this.#state].map(([id, { by, seq, version }]) => ({
      id,
      value: { by },
      rev: seq,
      version,
    }));
    return {
      clients: CLIENTS,
      iterations: 1,
      as: 'processes',
      lock: 'none',
      params: {},
      can: ['rev'],
      operations: this.#operations.flat(),
      turns: [],
      marks: [],
      found: this.#found,
      state: { seq: this.#found.length, items },
      end: this.#head,
      oddities: [],
      refusals: ['exhausted', 'conflict'],
      unknowns: [],
      keyWindow: KEY_WINDOW,
      leftovers: [],
      members: [],
      seconds: 1,
    };
  }
}

function dataOf(told: Called, part: number, from: string | null | undefined) {
  const by = tagOf(told, part);
  return from === undefined ? { by } : { by, from };
}

function writtenOf(
  told: Called,
  what: readonly (readonly [op: string, id: string])[],
  from?: string | null,
): Written[] {
  return what.map(([op, id], i) => ({ op, id, sum: entrySum(op, id, dataOf(told, i, from)) }));
}
