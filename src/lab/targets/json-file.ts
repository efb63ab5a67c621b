import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../errors/errors.ts';
import type { Blame, Found, Probe, StoreEntry, Target } from '../target.ts';
import { Conflict, EntriesState } from './entries-state.ts';
import { type EntriesMedium, EntriesStore } from './entries-store.ts';

/**
 * One JSON file with all entries, read as a whole and replaced as a whole (by rename), and nothing that keeps two writers
 * apart: as many a small application does it. It shows what the scenarios make of that.
 */
const jsonFile: Target = {
  name: 'json-file',
  about: 'one JSON file, read, changed and replaced as a whole, without a lock',
  module: import.meta.url,
  locks: ['none'],
  can: ['batch', 'expect', 'state', 'transaction', 'verify', 'turns'],
  open: async (directory, { probe }) => new EntriesStore(new JsonFile(directory, probe)),
  blame,
};
export default jsonFile;

function blame(error: unknown): Blame {
  if (error instanceof Conflict) return { outcome: 'refused', reason: 'conflict' };
  return { outcome: 'unknown', reason: 'error' };
}

class JsonFile implements EntriesMedium {
  readonly #path: string;
  readonly #probe: Probe | undefined;

  constructor(directory: string, probe: Probe | undefined) {
    this.#path = join(directory, 'entries.json');
    this.#probe = probe;
  }

  async read(): Promise<Found[]> {
    return (await this.#entries()).map((entry, i) => ({ seq: i + 1, ...entry }));
  }

  append(entries: readonly StoreEntry[]) {
    return this.change(() => entries);
  }

  async change(decide: (state: EntriesState) => readonly StoreEntry[]) {
    // Nothing is taken, and nobody kept out: it is where a turn would be.
    this.#probe?.asked();
    this.#probe?.taken();
    try {
      const entries = await this.read();
      const added = decide(new EntriesState(entries));
      if (added.length === 0) return {};
      const text = JSON.stringify([...entries.map(({ seq: _, ...entry }) => entry), ...added]);
      const beside = `${this.#path}.${randomUUID()}`;
      this.#probe?.writing((share) => writeFileSync(beside, text.slice(0, text.length * share)));
      await writeFile(beside, text);
      await rename(beside, this.#path);
      return { seq: entries.length + 1 };
    } finally {
      this.#probe?.left();
    }
  }

  /** What is no JSON is not read at all. */
  async verify() {
    await this.#entries();
    return [];
  }

  async #entries(): Promise<StoreEntry[]> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as StoreEntry[];
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }
}
