import { appendFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blame, Found, Probe, StoreEntry, Target } from '../target.ts';
import { Conflict, EntriesState } from './entries-state.ts';
import { type EntriesMedium, EntriesStore } from './entries-store.ts';
import { readJsonLines, toJsonLines } from './json-lines.ts';

/**
 * A file of JSON lines to which everybody appends, as a script does it: no lock, no sync. Entries have the numbers that a
 * reader counts; a line that does not parse is passed over, and is an oddity.
 */
const appendFileTarget: Target = {
  name: 'append-file',
  about: 'fs.appendFile of JSON lines, without a lock',
  module: import.meta.url,
  locks: ['none'],
  can: ['batch', 'expect', 'state', 'transaction', 'verify', 'turns'],
  open: async (directory, { probe }) => new EntriesStore(new AppendedFile(directory, probe)),
  blame,
};
export default appendFileTarget;

/** What `appendFile` rejects with may have been written in part. */
function blame(error: unknown): Blame {
  if (error instanceof Conflict) return { outcome: 'refused', reason: 'conflict' };
  return { outcome: 'unknown', reason: (error as NodeJS.ErrnoException).code ?? 'error' };
}

class AppendedFile implements EntriesMedium {
  readonly #path: string;
  readonly #probe: Probe | undefined;

  constructor(directory: string, probe: Probe | undefined) {
    this.#path = join(directory, 'entries.jsonl');
    this.#probe = probe;
  }

  async read(): Promise<Found[]> {
    const { entries } = await readJsonLines(this.#path);
    return entries.map((entry, i) => ({ ...entry, seq: i + 1 }));
  }

  append(entries: readonly StoreEntry[]) {
    return this.#put(async () => entries);
  }

  change(decide: (state: EntriesState) => readonly StoreEntry[]) {
    return this.#put(async () => decide(new EntriesState(await this.read())));
  }

  async #put(make: () => Promise<readonly StoreEntry[]>) {
    // Nothing is taken, and nobody kept out: it is where a turn would be.
    this.#probe?.asked();
    this.#probe?.taken();
    try {
      const text = toJsonLines(await make());
      this.#probe?.writing((share) => appendFileSync(this.#path, text.slice(0, text.length * share)));
      await appendFile(this.#path, text);
      return {};
    } finally {
      this.#probe?.left();
    }
  }

  async verify() {
    return (await readJsonLines(this.#path)).oddities;
  }
}
