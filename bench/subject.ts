import type { Entry } from '../src/index.ts';

/** What is measured: this package in one of its settings, a peer, or the bare disk. */
export interface Subject {
  /** Its settings, for whoever reads the figures. */
  readonly settings: string;
  /** The kind of lock it uses, where that is this package's. */
  readonly lock?: 'kernel' | 'lockfile';
  /** Why it cannot take part on this machine, where it cannot. */
  missing?(): string | undefined;
  open(place: Place): Session | Promise<Session>;
  /** Opens it for works on state by id, where it keeps any. */
  openState?(place: Place): StateSession | Promise<StateSession>;
  /** Opens it for workers who share jobs, where it can. */
  openJobs?(directory: string): JobQueue | Promise<JobQueue>;
}

export interface Place {
  /** An existing directory: empty, or one that the same subject filled. */
  readonly directory: string;
  /** Other processes write here at the same time. */
  readonly shared: boolean;
  /** All that is going to be appended. */
  readonly entries: readonly Entry[];
}

export interface Session {
  /** Appends one entry; once it returns, or what it returns resolves, the entry is acknowledged. */
  append(entry: Entry): unknown;
  /** Puts these there in whatever way is quickest, to be replayed; so many in a batch, where there are such. */
  fill(entries: Iterable<Entry>, batch?: number): unknown;
  /** Reads all records, in order, and parses each; answers how many. */
  replay(): number | Promise<number>;
  /** Where the time of its appends went so far, where it counts that. */
  spent?(): Spent;
  close(): unknown;
}

/** Times of all appends of a session, in milliseconds. */
export interface Spent {
  /** For the lock. */
  readonly waiting: number;
  /** In write turns, with the lock. */
  readonly turn: number;
  readonly syncing: number;
}

/** The current values by id. */
export interface StateSession {
  /** Puts the data of these there in whatever way is quickest, to be opened from then on. */
  fill(entries: Iterable<Entry>): unknown;
  /** Reads and writes a value as one step, and tries until it is done: acknowledged as an append is. */
  update(id: string, change: (value: unknown) => unknown): unknown;
  get(id: string): unknown;
  /** Reads all values, each parsed; answers how many. */
  readAll(): number;
  close(): unknown;
}

/** Jobs that are open, claimed or completed: as an issue tracker's entries, with op `add`. What changes one is acknowledged as an append is. */
export interface JobQueue {
  /** Adds open ones, in whatever way is quickest. */
  fill(entries: Iterable<Entry>): unknown;
  /** Claims an open job in one step: the most urgent; among equals, the one that was added first. Undefined where no job is open. */
  claim(by: string): Promise<ClaimedJob | undefined> | ClaimedJob | undefined;
  /** Completes one, if it was not touched since it was claimed; else an error. */
  complete(job: ClaimedJob): unknown;
  /** How many are completed. */
  completed(): number;
  close(): unknown;
}

export interface ClaimedJob {
  readonly id: string;
  readonly rev: number;
}

/** The entries in batches of that size. */
export function* batchesOf(entries: Iterable<Entry>, size: number): Generator<Entry[], void> {
  let batch: Entry[] = [];
  for (const entry of entries) {
    if (batch.push(entry) < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Fills by appending, many at a time. */
export async function fillByAppending(
  session: Pick<Session, 'append'>,
  entries: Iterable<Entry>,
): Promise<void> {
  let group: unknown[] = [];
  for (const entry of entries) {
    group.push(session.append(entry));
    if (group.length < 1024) continue;
    await Promise.all(group);
    group = [];
  }
  await Promise.all(group);
}
