import { hasCode } from '../errors/errors.ts';
import { type KeyedLine, keysOfLine, lastOf, type SnapshotKey } from '../format/key-lines.ts';
import { firstInScope, type KeyScope, raisedScope } from '../format/key-scope.ts';
import type { Envelope } from '../format/line.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { parseLines } from '../format/snapshot-index.ts';
import type { SnapshotFile } from '../store/snapshot-file.ts';
import type { LineStore } from '../store/store.ts';
import { ChainFeed } from './chain-feed.ts';
import { SnapshotBlocks } from './snapshot-blocks.ts';
import { lostState } from './snapshot-check.ts';

/** Compactions may interrupt this many tries in a row before reading gives up. */
const MOST_TRIES = 100;

/**
 * The lines with idempotency keys, as far back as an append's key is looked up. Opening reads only the last segment;
 * older keys are read once an append has a key.
 */
export class Keys {
  readonly #initial: KeyScope;
  /** Which keys are looked up after the lines that were read. */
  scope: KeyScope;
  /** All entries from this seq on were read. */
  since = Infinity;
  /** Counts how often the keys that were read were discarded. */
  #round = 0;
  /** In the order of their seqs; if several lines have the same key, only the last. */
  #lines = new Map<string, KeyedLine>();

  /** `initial`: the scope at the log's beginning. */
  constructor(initial: KeyScope) {
    this.#initial = initial;
    this.scope = initial;
  }

  /**
   * The line with `key`, if its last entry is in the window after entry `head`: the key of a batch is that of all its
   * entries.
   */
  get(key: string, head: number): KeyedLine | undefined {
    const line = this.#lines.get(key);
    return line !== undefined && lastOf(line) >= firstInScope(this.scope, head) ? line : undefined;
  }

  /** Whether older keys must be read before a key can be looked up, if `head` is the log's last entry. */
  areShort(head: number): boolean {
    return this.since > firstInScope(this.scope, head);
  }

  /** Adds a line after all others. */
  add(key: string, line: KeyedLine): void {
    this.#put(key, line);
    const first = firstInScope(this.scope, lastOf(line));
    for (const [oldest, each] of this.#lines) {
      if (lastOf(each) >= first) break;
      this.#lines.delete(oldest);
    }
  }

  #put(key: string, { seq, count, ts, sum }: KeyedLine): void {
    this.#lines.delete(key);
    // A copy: the object given may hold much more, for as long as the key is in the window.
    this.#lines.set(key, { seq, count, ts, sum });
  }

  /** Reads the part of the window after entry `head` that was not read yet, as steps: see `waiting` and `atOnce`. */
  *readOlder(store: LineStore, head: number): Generator<unknown, void, unknown> {
    const round = this.#round;
    const from = firstInScope(this.scope, head);
    const older = yield* olderKeys(store, from, this.since);
    // The log was replaced meanwhile, or reading continued after a compaction: the keys are read again.
    if (round !== this.#round) return;
    const newer = this.#lines;
    this.#lines = new Map();
    for (const { key, ...line } of older) this.#put(key, line);
    for (const [key, line] of newer) this.#put(key, line);
    this.since = from;
  }

  /** Entry `seq` raises the window. */
  raise(window: number, seq: number): void {
    this.scope = raisedScope(this.scope, window, seq);
  }

  /**
   * The lines from entry `since` on come next, and those read before do not count. `scope`: the one that holds there;
   * undefined at the log's beginning.
   */
  begin(since: number, scope: KeyScope | undefined): void {
    this.#round++;
    this.since = since;
    this.#lines.clear();
    this.scope = scope ?? this.#initial;
  }
}

/**
 * Reads the idempotency keys of the lines whose last entry is from `from` to before `to`, oldest first: those that
 * opening did not read. Yields values that may be promises, and expects what they resolve to: see `waiting` and
 * `atOnce`.
 */
export function* olderKeys(
  store: LineStore,
  from: number,
  to: number,
): Generator<unknown, SnapshotKey[], unknown> {
  for (let tries = 1; ; tries++) {
    try {
      return yield* keysThere(store, from, to);
    } catch (error) {
      if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw error;
      const lost = yield* lostState(store);
      // Otherwise another compaction deleted what this was reading.
      if (lost !== undefined || tries === MOST_TRIES) throw lost ?? error;
    }
  }
}

/** Reads them from what is there now. */
function* keysThere(store: LineStore, from: number, to: number): Generator<unknown, SnapshotKey[], unknown> {
  let compacted: unknown;
  try {
    return yield* keysInSegments(store, from, to);
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw error;
    compacted = error;
  }
  let damage: unknown;
  for (const header of (yield store.snapshots()) as SnapshotHeader[]) {
    try {
      const before = yield* keysInSnapshot(store, header);
      const after = yield* keysInSegments(store, header.head.seq + 1, to);
      return [...before, ...after].filter((line) => lastOf(line) >= from && line.seq < to);
    } catch (error) {
      // A damaged snapshot is skipped in favour of an older one, and of the lines it was made from, if those remain.
      const isPassedOver = hasCode(error, 'ERR_WAL_CORRUPT') || damage !== undefined;
      if (!isPassedOver) throw error;
      damage ??= error;
    }
  }
  throw damage ?? compacted;
}

function* keysInSegments(
  store: LineStore,
  from: number,
  to: number,
): Generator<unknown, SnapshotKey[], unknown> {
  if (from >= to) return [];
  const feed = new KeyFeed(from, to);
  const reader = store.reader(from, false);
  try {
    while (!feed.isDone && (yield reader.read(feed)) === 'more');
  } finally {
    reader.close();
  }
  return feed.keys;
}

function* keysInSnapshot(
  store: LineStore,
  header: SnapshotHeader,
): Generator<unknown, SnapshotKey[], unknown> {
  if (header.body.keys === 0) return [];
  const blocks = new SnapshotBlocks(header, (yield store.openSnapshot(header)) as SnapshotFile);
  try {
    const keys: SnapshotKey[] = [];
    for (const block of blocks.blocks('keys')) {
      const bytes = blocks.read(block);
      const lines = bytes && parseLines(bytes, () => true)?.map(keysOfLine);
      if (lines === undefined || lines.includes(undefined)) throw blocks.damaged(block.at);
      for (const each of lines as SnapshotKey[][]) keys.push(...each);
      // A snapshot may hold many keys. There is nothing to wait for; other code gets its turn.
      yield undefined;
    }
    return keys;
  } finally {
    blocks.close();
  }
}

class KeyFeed extends ChainFeed {
  readonly keys: SnapshotKey[] = [];
  readonly #from: number;
  readonly #to: number;
  isDone = false;

  constructor(from: number, to: number) {
    super();
    this.#from = from;
    this.#to = to;
  }

  override accepted(line: Envelope): void {
    const { key, seq, count, ts, sum } = line;
    if (seq >= this.#to) this.isDone = true;
    else if (key !== undefined && lastOf(line) >= this.#from) this.keys.push({ key, seq, count, ts, sum });
  }
}

/** Runs steps to their end, awaiting each, and lets other code run in between. */
export async function waiting<T>(
  steps: Generator<unknown, T, unknown>,
  pause: () => Promise<void>,
): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    const came = await step.value;
    await pause();
    step = steps.next(came);
  }
  return step.value;
}

/** Runs steps to their end, blocking: for a store that answers synchronously. */
export function atOnce<T>(steps: Generator<unknown, T, unknown>): T {
  let step = steps.next();
  while (!step.done) step = steps.next(step.value);
  return step.value;
}
