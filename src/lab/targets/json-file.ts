import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../errors/errors.ts';
import type {
  Blame,
  Found,
  Item,
  Probe,
  State,
  Store,
  StoreEntry,
  StoreTransaction,
  Target,
} from '../target.ts';

/**
 * One JSON file with all entries, read as a whole and replaced as a whole (by rename), and nothing that keeps two writers
 * apart: as many a small application does it. It shows what the scenarios make of that.
 */
const jsonFile: Target = {
  name: 'json-file',
  about: 'one JSON file, read, changed and replaced as a whole, without a lock',
  module: import.meta.url,
  locks: ['none'],
  can: ['batch', 'expect', 'state', 'transaction', 'turns'],
  open: async (directory, { probe }) => new JsonFile(directory, probe),
  blame,
};
export default jsonFile;

class Conflict extends Error {}

function blame(error: unknown): Blame {
  if (error instanceof Conflict) return { outcome: 'refused', reason: 'conflict' };
  return { outcome: 'unknown', reason: 'error' };
}

class JsonFile implements Store {
  readonly #path: string;
  readonly #probe: Probe | undefined;

  constructor(directory: string, probe: Probe | undefined) {
    this.#path = join(directory, 'entries.json');
    this.#probe = probe;
  }

  append(entry: StoreEntry, terms?: { readonly rev: number }) {
    return this.#change((entries) => {
      const there = new Fold(entries).get(entry.id)?.rev ?? 0;
      if (terms !== undefined && terms.rev !== there) throw new Conflict(`${entry.id} is at rev ${there}`);
      return [entry];
    });
  }

  appendBatch(batch: readonly StoreEntry[]) {
    return this.#change(() => batch);
  }

  async *read({ from = 1, to = Infinity }: { from?: number | undefined; to?: number | undefined } = {}) {
    for (const [i, entry] of (await this.#entries()).slice(from - 1, to).entries())
      yield { seq: from + i, ...entry } satisfies Found;
  }

  async state() {
    return new Fold(await this.#entries());
  }

  async transaction<R>(decide: (tx: StoreTransaction) => R) {
    let answer: { readonly value: R } | undefined;
    const appended = await this.#change((entries) => {
      const written: StoreEntry[] = [];
      const now = () => new Fold([...entries, ...written]);
      const value = decide({
        get: (id) => now().get(id),
        items: () => now().items(),
        append: (entry) => written.push(entry),
      });
      answer = { value };
      return written;
    });
    return { ...appended, answer: (answer as unknown as { readonly value: R }).value };
  }

  async close() {}

  async #entries(): Promise<StoreEntry[]> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as StoreEntry[];
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  async #change(more: (entries: readonly StoreEntry[]) => readonly StoreEntry[]) {
    // Nothing is taken, and nobody kept out: it is where a turn would be.
    this.#probe?.asked();
    this.#probe?.taken();
    try {
      const entries = await this.#entries();
      const added = more(entries);
      if (added.length === 0) return {};
      const text = JSON.stringify([...entries, ...added]);
      const beside = `${this.#path}.${randomUUID()}`;
      this.#probe?.writing((share) => writeFileSync(beside, text.slice(0, text.length * share)));
      await writeFile(beside, text);
      await rename(beside, this.#path);
      return { seq: entries.length + 1 };
    } finally {
      this.#probe?.left();
    }
  }
}

/** The state that entries leave. */
class Fold implements State {
  readonly seq: number;
  readonly #items = new Map<string, Item>();

  constructor(entries: readonly StoreEntry[]) {
    this.seq = entries.length;
    for (const [i, { op, id, data }] of entries.entries()) {
      const version = (this.#items.get(id)?.version ?? 0) + 1;
      if (op === 'delete') this.#items.delete(id);
      else this.#items.set(id, { id, value: data, rev: i + 1, version });
    }
  }

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  items(): Iterable<Item> {
    return this.#items.values();
  }
}
