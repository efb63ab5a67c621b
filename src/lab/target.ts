import type { Head } from './operations/operation.ts';

/**
 * What a store can do beside `append` and `read`; scenarios say what they need. `expect`, `head`, `key`: see `Terms`. `rev`: an item's
 * rev is the number of the entry that touched it last. `turns`: see `Probe`. `wal-lock`: the lock of a log keeps writers apart.
 */
export const ABILITIES = [
  'batch',
  'expect',
  'head',
  'key',
  'rev',
  'state',
  'transaction',
  'compact',
  'verify',
  'turns',
  'follow',
  'wal-lock',
] as const;

export type Ability = (typeof ABILITIES)[number];

/** What is appended. The lab puts into `data` who wrote it. */
export interface StoreEntry {
  /** What happened; `delete` takes the id away, anything else sets it to `data`. */
  readonly op: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An entry as it is read back. */
export interface Found {
  /** Its number: 1 for the first ever appended, and no gaps. A store that has no numbers counts them as it reads. */
  readonly seq: number;
  readonly op: string;
  readonly id: string;
  readonly data?: unknown;
  /** Of an entry that the log ended with once, the crc of its head then (ability `head`). */
  readonly crc?: string | undefined;
}

/** What the store now holds of an id: the `data` of its last entry, unless that was a `delete`. */
export interface StoreItem {
  readonly id: string;
  readonly value: unknown;
  /** What `append` can expect: changes whenever the id does. 0, or absent, where the store has none. */
  readonly rev?: number | undefined;
  /** How many entries touched the id since it came to be, where the store counts. */
  readonly version?: number | undefined;
}

/** The state at one moment: what is asked of it in one turn of the event loop belongs together. */
export interface State {
  /** Number of the last entry that it knows, where the store has numbers. */
  readonly seq?: number | undefined;
  get(id: string): StoreItem | undefined;
  items(): Iterable<StoreItem>;
}

/** What `decide` of a transaction reads and writes, as one step. */
export interface StoreTransaction {
  get(id: string): StoreItem | undefined;
  items(): Iterable<StoreItem>;
  append(entry: StoreEntry): void;
}

/** On what terms something is appended. Only those are given that the store has the ability for. */
export interface Terms {
  /** Ability `expect`: only if the id has that rev now, 0 for an id that is not there. Never given to `appendBatch`. */
  readonly rev?: number | undefined;
  /** Ability `head`: only if the log ends there now; seq 0: it is empty. */
  readonly head?: Head | undefined;
  /**
   * Ability `key`: where an append with this key is among the log's last entries (see `Target.keyWindow`), this one writes nothing, and
   * answers `duplicate` and the number of that one, whatever it expects. No two tries have the same content: each says who wrote it.
   */
  readonly key?: string | undefined;
}

export interface Appended {
  /** Number of the (first) entry, where the store tells it. */
  readonly seq?: number | undefined;
  readonly duplicate?: true | undefined;
}

/** Something in a store that is not as it ought to be. */
export interface Oddity {
  /** One word for what it is, such as `damaged`. */
  readonly kind: string;
  readonly message: string;
}

/** One client's open store. The optional methods are those of the target's abilities. */
export interface Store {
  /**
   * Resolves once the entry is as safe as the store makes it. Where something is not as it expects, it rejects, and
   * `Target.blame` calls that a conflict.
   */
  append(entry: StoreEntry, terms?: Terms): Promise<Appended>;
  /** All of them, one after the other, or none. */
  appendBatch?(entries: readonly StoreEntry[], terms?: Terms): Promise<Appended>;
  /** The entries of a range, in order; by default all that can still be read, to the last that is there now. */
  read(range?: {
    readonly from?: number | undefined;
    readonly to?: number | undefined;
  }): AsyncIterable<Found> | Iterable<Found>;
  /** The entries from a number on, and those to come, until `signal` aborts. */
  follow?(from: number, signal: AbortSignal): AsyncIterable<Found>;
  /** Where the log ends now (ability `head`). */
  head?(): Promise<Head>;
  /** The state as it is now: with everything in it that anybody had acknowledged before this call. */
  state?(): Promise<State>;
  /**
   * Runs `decide`, once or more often, and appends what it wrote the last time, all or nothing. Rejects with what `decide`
   * throws, having written nothing.
   */
  transaction?<R>(
    decide: (tx: StoreTransaction) => R,
    options?: { readonly maxTries?: number | undefined },
  ): Promise<Appended & { readonly answer: R }>;
  /** Gives back what the past takes on the disk, as far as the store can. */
  compact?(): Promise<void>;
  /** Reads everything, and tells what is not as it ought to be. */
  verify?(): Promise<readonly Oddity[]>;
  close(): Promise<void>;
}

/**
 * Stands at a store's write turn (ability `turns`): it is told of each step, at once, and may make the store wait there, or
 * fail. What `taken`, `writing` and `syncing` throw, the store takes as if its lock or its disk had failed.
 */
export interface Probe {
  /** The store begins to wait for its turn. */
  asked(): void;
  /** It has its turn, and holds the lock. If this throws, it gives the lock back, having written nothing. */
  taken(): void;
  /** It has looked at what is there, and is about to write. `put` writes a share of the first line's bytes, from their first on. */
  writing(put: (share: number) => void): void;
  /** It is about to sync what was written. */
  syncing(): void;
  /** It is about to give its turn back. */
  left(): void;
  /** What it wrote, it wrote without having got the lock. */
  bypassed(): void;
}

export interface OpenOptions {
  /** One of the target's `locks`. */
  readonly lock: string;
  readonly readOnly?: boolean | undefined;
  /** The target's own options, as JSON. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Given to a target with the ability `turns`, where a run needs it: it costs time. */
  readonly probe?: Probe | undefined;
}

/** What became of an operation that rejected. */
export interface Blame {
  /** `refused`: nothing was written. `unknown`: it may have been. */
  readonly outcome: 'refused' | 'unknown';
  /** `conflict` where others came first; otherwise the error's code, or a word for it. */
  readonly reason: string;
  /** Of a conflict, where the store tells them: where the log ends, and the rev that the id has. */
  readonly head?: Head | undefined;
  readonly rev?: number | undefined;
}

/**
 * A kind of store that scenarios run on. Clients are processes and threads, which load it anew: it is the default export
 * of the module that `module` names.
 */
export interface Target {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  /** `import.meta.url` of the module. */
  readonly module: string;
  /** How its writers can be kept apart, the default first: `none` where nothing keeps them. */
  readonly locks: readonly string[];
  readonly can: readonly Ability[];
  /** Among how many of the last entries a key is found, with these settings (ability `key`). Default: among all. */
  keyWindow?(settings: Readonly<Record<string, unknown>>): number;
  /** Why it cannot be opened here, such as what is not installed; undefined where it can. Default: it can. */
  missing?(): string | undefined;
  /** Opens the store in a directory, which is there, and empty for the first to open it: that one makes the store. */
  open(directory: string, options: OpenOptions): Promise<Store>;
  /** Judges what `append`, `appendBatch` and `transaction` rejected with. Default: the outcome is unknown. */
  blame?(error: unknown): Blame;
  /** What lies in the directory, once every store is closed, that ought not to: a lock, a temporary file. */
  leftovers?(directory: string): Promise<readonly string[]> | readonly string[];
  /**
   * The files or directories that are there for its lock alone, so that somebody might remove them by hand to set a stuck
   * writer free. Absent where there are none: what also holds data is no lock to be removed.
   */
  lockFiles?(directory: string): readonly string[];
}

/** Thrown by a workload in a transaction: it decided to write nothing, for that reason. */
export class Refusal extends Error {
  static {
    Refusal.prototype.name = 'Refusal';
  }

  /** One word, such as `exhausted`: see `Scenario.refusals`. */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}
