import { lastIndexWhere } from '../../table/sorted.ts';
import type { Entries } from './entries.ts';
import type { Gone } from './gone.ts';
import type { Ids } from './ids.ts';

/** What an id was at some moment: the number of the entry that touched it last and who wrote that; 0 and null: it was not there. */
export interface Standing {
  readonly rev: number;
  readonly by: string | null;
}

/** The numbers of the entries that touched an id, and who wrote each, or null where it was deleted. */
interface Life {
  readonly seqs: number[];
  readonly writers: (string | null)[];
}

export interface LivesParts {
  readonly entries: Entries;
  readonly ids: Ids;
  readonly gone: Gone;
  /** The first number that can be read. */
  readonly oldest: number;
}

/** What became of some of the ids, entry by entry. */
export class Lives {
  readonly #parts: LivesParts;
  readonly #lives = new Map<string, Life>();

  /** `wanted`: the ids that will be asked for. */
  constructor(parts: LivesParts, wanted: Iterable<string>) {
    this.#parts = parts;
    const { entries, ids, gone } = parts;
    /** The same by the numbers of the ids. */
    const known: (Life | undefined)[] = new Array(ids.count);
    for (const id of wanted) {
      if (this.#lives.has(id)) continue;
      const life = { seqs: [], writers: [] };
      this.#lives.set(id, life);
      const at = ids.find(id);
      if (at !== undefined) known[at] = life;
    }
    if (this.#lives.size === 0) return;
    for (const { seq, op, id, by } of gone.entries) {
      const life = this.#lives.get(id);
      life?.seqs.push(seq);
      life?.writers.push(op === 'delete' ? null : by);
    }
    for (let i = 0; i < entries.count; i++) {
      const life = known[entries.ids[i] as number];
      if (life === undefined) continue;
      life.seqs.push(entries.seqs[i] as number);
      life.writers.push(entries.deletes[i] ? null : (entries.bys[i] ?? null));
    }
  }

  /** What the id was as of an entry; undefined where that cannot be known any more. */
  at(id: string, seq: number): Standing | undefined {
    const { seqs, writers } = this.#lives.get(id) as Life;
    const last = lastIndexWhere(seqs, (each) => each <= seq);
    const { oldest, gone } = this.#parts;
    if (oldest > 1 && (seqs[last] ?? 0) < oldest && gone.isDoubtful(id)) return undefined;
    const by = writers[last] ?? null;
    return { rev: by === null ? 0 : (seqs[last] as number), by };
  }

  /** The first entry after that one that touched the id; Infinity where none did. */
  nextOf(id: string, seq: number): number {
    const { seqs } = this.#lives.get(id) as Life;
    return seqs[lastIndexWhere(seqs, (each) => each <= seq) + 1] ?? Infinity;
  }

  /** Whether the id was ever as they wrote it, so far as can be known. */
  wasEver(id: string, by: string | null): boolean {
    const { oldest, gone } = this.#parts;
    if (by === null || (oldest > 1 && gone.isDoubtful(id))) return true;
    return (this.#lives.get(id) as Life).writers.includes(by);
  }
}
