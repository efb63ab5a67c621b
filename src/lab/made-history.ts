import type { Findings } from './operations/evidence.ts';
import { type Operation, operationOf, type Sight, tagOf, type Written } from './operations/operation.ts';
import { placeSum, sumOf } from './operations/sum.ts';
import type { Dice } from './seeded.ts';
import type { Found, Item } from './target.ts';

/** A history with nothing wrong, whose parts may be changed to plant a fault. */
export interface MadeHistory extends Findings {
  readonly operations: Mutable<Operation>[];
  readonly found: Mutable<Found>[];
  readonly state: { seq?: number; readonly items: Mutable<Item>[] };
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const CLIENTS = 8;
const IDS = 20;
/** Between the moments at which two operations take effect, and the most that each begins before it and ends after it. */
const SPACING = 10;
const REACH = 35;

/**
 * What a sound store would leave: each operation takes effect at one moment between its start and its end, and many are
 * under way at once. Appends, batches, updates and deletes that are decided on what was there, reads and looks; some are
 * refused, of some nobody knows; none of those where it is to be `settled`.
 */
export function makeHistory(count: number, dice: Dice, { settled = false } = {}): MadeHistory {
  const history = new Maker(dice, settled);
  for (let i = 0; i < count; i++) history.next(i);
  return history.finish();
}

interface Kept {
  readonly by: string;
  readonly seq: number;
  readonly version: number;
}

class Maker {
  readonly #dice: Dice;
  readonly #settled: boolean;
  readonly #operations: Mutable<Operation>[][] = Array.from({ length: CLIENTS }, () => []);
  readonly #found: Mutable<Found>[] = [];
  readonly #sums = [0];
  readonly #state = new Map<string, Kept>();

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

  #work(told: Pick<Operation, 'client' | 'run' | 'number'>): Pick<Operation, 'kind'> & Partial<Operation> {
    const roll = this.#dice();
    const id = `id-${Math.floor(this.#dice() * IDS)}`;
    const name = tagOf(told);
    const nobodyKnows = { outcome: 'unknown', end: Infinity, seq: undefined } as const;
    if (roll < 0.1) return { kind: 'read', saw: this.#readSome() };
    if (roll < 0.2) return { kind: 'look', saw: this.#lookAt(id) };
    if (roll < 0.23) return { kind: 'transaction', outcome: 'refused', reason: 'exhausted' };
    if (roll < 0.28 && !this.#settled) {
      const kind = roll < 0.26 ? 'transaction' : 'append';
      if (kind === 'append') return { kind, ...nobodyKnows, entries: [{ op: 'add', id, sum: 0 }] };
      this.#put(told, [['update', id]], true);
      return { kind, ...nobodyKnows };
    }
    if (roll < 0.4) {
      const op = this.#dice() < 0.3 ? 'delete' : 'update';
      return { kind: 'transaction', ...this.#put(told, [[op, id]], true) };
    }
    const parts = roll < 0.5 ? ['a', 'b', 'c'] : ['x'];
    const entries = parts.map((part) => ['add', name + part] as const);
    return { kind: parts.length > 1 ? 'batch' : 'append', ...this.#put(told, entries, false) };
  }

  #put(
    told: Pick<Operation, 'client' | 'run' | 'number'>,
    what: readonly (readonly [op: string, id: string])[],
    decided: boolean,
  ): { readonly entries: Written[]; readonly seq: number } {
    const first = this.#found.length + 1;
    const entries = what.map(([op, id], i) => {
      const seq = first + i;
      const by = tagOf(told, i);
      const before = this.#state.get(id);
      const data = { by, ...(decided && { from: before?.by ?? null }) };
      this.#found.push({ seq, op, id, data });
      this.#sums.push(((this.#sums[seq - 1] as number) + placeSum(seq, by)) >>> 0);
      if (op === 'delete') this.#state.delete(id);
      else this.#state.set(id, { by, seq, version: (before?.version ?? 0) + 1 });
      return { op, id, sum: sumOf(data) };
    });
    return { entries, seq: first };
  }

  #readSome(): Sight {
    const to = this.#found.length;
    const from = 1 + Math.floor(this.#dice() * to);
    const sum = ((this.#sums[to] as number) - (this.#sums[from - 1] as number)) >>> 0;
    return { from, to, sum, toEnd: true };
  }

  #lookAt(id: string): Sight {
    return { seq: this.#found.length, items: [[id, this.#state.get(id)?.by ?? null]] };
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
      can: [],
      operations: this.#operations.flat(),
      turns: [],
      marks: [],
      found: this.#found,
      state: { seq: this.#found.length, items },
      oddities: [],
      refusals: ['exhausted'],
      unknowns: [],
      leftovers: [],
      members: [],
      seconds: 1,
    };
  }
}
