import { appendFileSync } from 'node:fs';
import { appendFile, open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LockOptions, lock } from 'proper-lockfile';
import type { Blame, Found, OpenOptions, Probe, StoreEntry, Target } from '../target.ts';
import { Conflict, EntriesState } from './entries-state.ts';
import { type EntriesMedium, EntriesStore } from './entries-store.ts';
import { parseJsonLines, readJsonLines, toJsonLines } from './json-lines.ts';

/**
 * The usual recipe: a file of numbered JSON lines, and proper-lockfile around everything that appends to it. Settings:
 * `stale` (milliseconds; default the library's, 10,000) and `retries` (the library's own object). What the library does
 * by default with a lock that was taken away, it does here: it ends the process.
 */
const lockedAppendFile: Target = {
  name: 'locked-append-file',
  about: 'fs.appendFile of numbered JSON lines, under proper-lockfile',
  module: import.meta.url,
  locks: ['lockfile'],
  can: ['batch', 'expect', 'state', 'transaction', 'verify', 'turns'],
  open,
  blame,
  leftovers,
  lockFiles: (directory) => [`${logIn(directory)}.lock`],
};
export default lockedAppendFile;

/** Loaded when it is used: it hooks the exit of whatever process it is in. */
const library = () => import('proper-lockfile');

let isKeptAlive = false;

/** What proper-lockfile hooks the exit with ends a process at a file-size limit: a full disk, which that stands for, does not. */
async function open(directory: string, options: OpenOptions): Promise<EntriesStore> {
  const { lock } = await library();
  if (!isKeptAlive) process.on('SIGXFSZ', () => {});
  isKeptAlive = true;
  return new EntriesStore(new LockedFile(directory, options, lock));
}

async function leftovers(directory: string): Promise<string[]> {
  const { checkSync } = await library();
  return checkSync(logIn(directory), { realpath: false }) ? ['the lock is still held'] : [];
}

/** Waits up to 20 seconds, trying often: the first to try after a stale lock must not have given up before. */
const RETRIES = { retries: 400, factor: 1.5, minTimeout: 5, maxTimeout: 50, randomize: true };

/** How much of the file's end is read to find the last number. */
const TAIL_BYTES = 64 * 1024;

function logIn(directory: string): string {
  return join(directory, 'entries.jsonl');
}

/** What may have been written before it went wrong, nobody knows; but without the lock nothing was. */
function blame(error: unknown): Blame {
  if (error instanceof Conflict) return { outcome: 'refused', reason: 'conflict' };
  const { code = 'error' } = error as NodeJS.ErrnoException;
  return code === 'ELOCKED' ? { outcome: 'refused', reason: 'busy' } : { outcome: 'unknown', reason: code };
}

class LockedFile implements EntriesMedium {
  readonly #path: string;
  readonly #options: LockOptions;
  readonly #probe: Probe | undefined;
  readonly #lock: typeof lock;

  constructor(directory: string, { settings, probe }: OpenOptions, take: typeof lock) {
    this.#path = logIn(directory);
    this.#probe = probe;
    this.#lock = take;
    this.#options = { realpath: false, retries: RETRIES, ...settings };
  }

  async read(): Promise<Found[]> {
    const { entries } = await readJsonLines(this.#path);
    return entries as Found[];
  }

  append(entries: readonly StoreEntry[]) {
    return this.#locked(async () => this.#put(entries, await this.#last()));
  }

  change(decide: (state: EntriesState) => readonly StoreEntry[]) {
    return this.#locked(async () => {
      const state = new EntriesState(await this.read());
      const last = state.seq;
      return this.#put(decide(state), last);
    });
  }

  async verify() {
    return (await readJsonLines(this.#path)).oddities;
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    this.#probe?.asked();
    const release = await this.#lock(this.#path, this.#options);
    try {
      this.#probe?.taken();
      return await work();
    } finally {
      this.#probe?.left();
      await release();
    }
  }

  async #put(entries: readonly StoreEntry[], last: number) {
    if (entries.length === 0) return {};
    const text = toJsonLines(entries.map((entry, i) => ({ seq: last + 1 + i, ...entry })));
    this.#probe?.writing((share) => appendFileSync(this.#path, text.slice(0, text.length * share)));
    await appendFile(this.#path, text);
    return { seq: last + 1 };
  }

  /** The last number that was given. */
  async #last(): Promise<number> {
    const file = await openFile(this.#path, 'a+');
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
      await file.read(bytes, 0, bytes.length, size - bytes.length);
      return parseJsonLines(bytes.toString()).entries.at(-1)?.seq ?? 0;
    } finally {
      await file.close();
    }
  }
}
