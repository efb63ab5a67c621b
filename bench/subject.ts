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
  /** Puts these there in whatever way is quickest, to be replayed. */
  fill(entries: Iterable<Entry>): unknown;
  /** Reads all records, in order, and parses each; answers how many. */
  replay(): number | Promise<number>;
  close(): unknown;
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
