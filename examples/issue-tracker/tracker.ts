import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type LogRecord, type Table, Wal, WalError } from 'jsonl-wal';
import type { Change } from './changes.ts';
import { ISSUES } from './fold.ts';
import type { Issue } from './issues.ts';
import { Refusal } from './refusal.ts';

const DIRECTORY = '.beads';
/** Commands are short, and each reads what came after the snapshot: one is made often. */
const AUTO_COMPACT = { ratio: 0.01, minBytes: 256 * 1024 };

/** What happened to an issue, as far as the log still tells. */
export interface History {
  readonly records: readonly LogRecord[];
  /** The first entry that the log still has: 1, unless it was compacted. */
  readonly from: number;
}

/** The issues of a project, kept in a log that any number of processes read and write at once. */
export class Tracker {
  readonly #wal: Wal;
  /** The state: as it was when it was opened, with all that this tracker changed or refreshed since. */
  readonly issues: Table<Issue>;

  private constructor(wal: Wal, issues: Table<Issue>) {
    this.#wal = wal;
    this.issues = issues;
  }

  /** Makes a tracker in a directory, or opens the one that is there. */
  static init(directory: string): Promise<Tracker> {
    return Tracker.#at(join(directory, DIRECTORY), {});
  }

  /** Opens the tracker in a directory or in the nearest one above it. Read-only, nothing is written, nor locked. */
  static async open(directory: string, { readOnly = false } = {}): Promise<Tracker> {
    const found = findUpwards(resolve(directory));
    if (found === undefined) throw noTracker(directory);
    try {
      return await Tracker.#at(found, { create: false, readOnly });
    } catch (error) {
      if (hasCode(error, 'ERR_WAL_NOT_FOUND')) throw noTracker(directory);
      throw error;
    }
  }

  static async #at(directory: string, mode: { create?: boolean; readOnly?: boolean }): Promise<Tracker> {
    const wal = await Wal.open(directory, { ...mode, fold: ISSUES, autoCompact: AUTO_COMPACT });
    try {
      return new Tracker(wal, await wal.table<Issue>());
    } catch (error) {
      await wal.close();
      throw error;
    }
  }

  /** Where the log lies. */
  get directory(): string {
    return this.#wal.info().location;
  }

  /**
   * Decides on the state as it is at the very place in the log where the decision is then written: of any number of
   * agents that change one thing at once, exactly one does it on the state it saw; the others decide on what that one left.
   */
  change(decide: Change): Promise<Issue> {
    return this.issues.transaction((tx) => tx.get(decide(tx, Date.now())) as Issue);
  }

  async history(id: string): Promise<History> {
    const history = await this.#records(id);
    if (history.records.length === 0 && !this.issues.has(id))
      throw new Refusal('NOT_FOUND', `There never was an issue ${id}.`);
    return history;
  }

  async #records(id: string): Promise<History> {
    for (;;) {
      const from = await this.#wal.oldest();
      const records: LogRecord[] = [];
      try {
        for await (const record of this.#wal.read({ from })) if (record.id === id) records.push(record);
        return { records, from };
      } catch (error) {
        // Somebody compacted the log meanwhile.
        if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw error;
      }
    }
  }

  close(): Promise<void> {
    return this.#wal.close();
  }
}

function findUpwards(directory: string): string | undefined {
  const found = join(directory, DIRECTORY);
  if (existsSync(found)) return found;
  const above = dirname(directory);
  return above === directory ? undefined : findUpwards(above);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof WalError && error.code === code;
}

function noTracker(directory: string): Refusal {
  return new Refusal('NO_TRACKER', `There are no issues in ${directory} or above it: run "init" to begin.`);
}
