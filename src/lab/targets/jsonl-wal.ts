import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AppendOptions,
  type AppendResult,
  createLock,
  lastData,
  type Table,
  type Transaction,
  Wal,
  type WalError,
} from '../../index.ts';
import { openProbed } from '../probed-wal.ts';
import {
  ABILITIES,
  type Appended,
  type Blame,
  type Oddity,
  type OpenOptions,
  type Store,
  type StoreEntry,
  type StoreTransaction,
  type Target,
  type Terms,
} from '../target.ts';

/** This package's log. Its settings are the options of `Wal.open` that are JSON. */
const jsonlWal: Target = {
  name: 'jsonl-wal',
  about: 'the log of this package',
  module: import.meta.url,
  locks: ['kernel', 'lockfile', 'none'],
  can: ABILITIES,
  keyWindow: ({ keyWindow = 100_000 }) => keyWindow as number,
  open,
  blame,
  leftovers,
  lockFiles: (directory) => ['wal.lock', 'wal.lock.held'].map((name) => join(directory, name)),
};
export default jsonlWal;

async function open(directory: string, { lock, readOnly = false, settings, probe }: OpenOptions) {
  const options = { fold: lastData, ...settings, lock: lock as 'kernel' | 'lockfile' | 'none', readOnly };
  if (probe === undefined || readOnly) return new WalStore(await Wal.open(directory, options));
  const { wal, appended } = await openProbed(directory, options, probe);
  return new WalStore(wal, appended);
}

/**
 * What writers leave that write at once: the line of one who came second, and wrote it again; and what ends another's line, of
 * which only a part was to be seen yet, as one that a crash cut. Nothing acknowledged is in either.
 */
const HARMLESS: readonly string[] = ['superseded', 'torn'];

class WalStore implements Store {
  readonly #wal: Wal;
  /** After each write that went well. */
  readonly #appended: () => void;
  #table: Promise<Table> | undefined;

  constructor(wal: Wal, appended: () => void = () => {}) {
    this.#wal = wal;
    this.#appended = appended;
  }

  async append(entry: StoreEntry, terms?: Terms) {
    const appended = await firstOf(this.#wal.append(entry, optionsOf(terms)));
    this.#appended();
    return appended;
  }

  async appendBatch(entries: readonly StoreEntry[], terms?: Terms) {
    const appended = await firstOf(this.#wal.appendBatch(entries, optionsOf(terms)));
    this.#appended();
    return appended;
  }

  head() {
    return this.#wal.head();
  }

  async *read({ from, to }: { from?: number | undefined; to?: number | undefined } = {}) {
    yield* this.#wal.read({ from: from ?? (await this.#wal.oldest()), to });
  }

  follow(from: number, signal: AbortSignal) {
    return this.#wal.follow({ from, signal });
  }

  async state() {
    const table = await this.#open();
    await table.refresh();
    return { seq: table.seq, get: (id: string) => table.item(id), items: () => table };
  }

  async transaction<R>(
    decide: (tx: StoreTransaction) => R,
    options: { readonly maxTries?: number | undefined } = {},
  ) {
    const table = await this.#open();
    const answered = await table.transaction((tx) => {
      const ids: string[] = [];
      const answer = decide({
        get: (id) => tx.item(id),
        items: () => tx.list(),
        append: (entry) => {
          tx.append(entry);
          ids.push(entry.id);
        },
      });
      return { answer, seq: firstSeq(tx, ids) };
    }, options);
    this.#appended();
    return answered;
  }

  async compact() {
    await this.#wal.compact({ fold: lastData, retain: 1 });
  }

  async verify(): Promise<Oddity[]> {
    const { error, missing, odd } = await this.#wal.verify();
    const lines = odd
      .filter(({ verdict }) => !HARMLESS.includes(verdict))
      .map(({ verdict, segment, offset, cause }) => ({
        kind: verdict,
        message: `a ${verdict} line in ${segment} at byte ${offset}${cause === undefined ? '' : ` (${cause})`}`,
      }));
    const gone = missing.map(({ from, to }) => ({
      kind: 'missing',
      message: `entries ${from} to ${to} were acknowledged, and are not there`,
    }));
    return [...(error === undefined ? [] : [{ kind: 'error', message: error.message }]), ...gone, ...lines];
  }

  close() {
    return this.#wal.close();
  }

  #open(): Promise<Table> {
    this.#table ??= this.#wal.table();
    return this.#table;
  }
}

/** Where a transaction's first entry goes, as long as nobody comes before it: told by what the last of them leaves. */
function firstSeq(tx: Transaction, ids: readonly string[]): number | undefined {
  for (const [i, id] of [...ids.entries()].reverse()) {
    const rev = ids.lastIndexOf(id) === i ? tx.item(id)?.rev : undefined;
    if (rev !== undefined) return rev - i;
  }
  return undefined;
}

/**
 * What an append is answered with. What the lab appends says who wrote it: no two tries of a key have the same content. So the log
 * refuses each but the first, and names that one; a try that it takes for the first one is a fault of the log.
 */
async function firstOf(appending: Promise<AppendResult>): Promise<Appended> {
  try {
    const { seq, duplicate } = await appending;
    if (duplicate) throw new Error(`the key is answered as if entry ${seq} had the same content`);
    return { seq };
  } catch (error) {
    if (!isWalError(error) || error.code !== 'ERR_WAL_KEY_REUSED') throw error;
    if (error.outcome !== 'not-written') throw error;
    return { seq: error.seq, duplicate: true };
  }
}

function optionsOf({ rev, head, key }: Terms = {}): AppendOptions {
  return { expect: rev === undefined ? head : { rev }, key };
}

function blame(error: unknown): Blame {
  if (!isWalError(error)) return { outcome: 'unknown', reason: 'error' };
  const { code, outcome, head, rev } = error;
  if (code === 'ERR_WAL_CONFLICT') return { outcome: 'refused', reason: 'conflict', head, rev };
  return { outcome: outcome === 'not-written' ? 'refused' : 'unknown', reason: code };
}

/** Told by the code: the package's entry is a bundle, so that what a user's `Wal` throws is of another class than this one's. */
function isWalError(error: unknown): error is Pick<WalError, 'code' | 'outcome' | 'head' | 'rev' | 'seq'> {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('ERR_WAL_');
}

const ITS_FILES = /^(wal\.json|wal\.lock|wal\.mark|\d{20}\.jsonl|snapshot-\d{20}\.jsonl)$/;

function leftovers(directory: string): string[] {
  const strangers = readdirSync(directory).filter((name) => !ITS_FILES.test(name));
  return [...strangers, ...heldLock(directory)];
}

/** The lock on the log, where somebody still holds it. */
function heldLock(directory: string): string[] {
  const path = join(directory, 'wal.lock');
  // Made by the first writer that locks.
  if (!existsSync(path)) return [];
  const { kind } = JSON.parse(readFileSync(path, 'utf8').split('\n')[0] as string);
  const lock = createLock(kind, directory);
  try {
    if (!lock.tryAcquire()) return [`the ${kind} lock is still held`];
    lock.release();
    return [];
  } finally {
    lock.close();
  }
}
