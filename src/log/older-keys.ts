import { hasCode, WalError } from '../errors/errors.ts';
import { keysOfLine, lastOf, type SnapshotKey } from '../format/key-lines.ts';
import type { Envelope } from '../format/line.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { parseLines } from '../format/snapshot-index.ts';
import type { LineStore, SnapshotFile } from '../store/store.ts';
import { ChainFeed } from './chain-feed.ts';
import { SnapshotBlocks } from './snapshot-blocks.ts';
import { lostState } from './snapshot-check.ts';

/** Compactions that come between, one try after the other, before it is given up. */
const MOST_TRIES = 100;

/**
 * Reads the idempotency keys of the lines whose last entry lies from `from` to before `to`, oldest first: what opening did
 * not read. Yields all that may have to be waited for, and wants back what came of it: see `waiting` and `atOnce`.
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
      // Else another compaction took away what this was reading.
      if (lost !== undefined || tries === MOST_TRIES) throw lost ?? error;
    }
  }
}

/** As what lies there now tells them. */
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
      // A damaged one is passed over for an older one, and for the lines it was made of, where those remain.
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
    return blocks.blocks('keys').flatMap((block) => {
      const bytes = blocks.read(block);
      const keys = bytes && parseLines(bytes, () => true)?.map(keysOfLine);
      if (keys === undefined || keys.includes(undefined)) throw blocks.damaged(block.at);
      return (keys as SnapshotKey[][]).flat();
    });
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

  protected override accepted(line: Envelope): void {
    const { key, seq, count, ts, sum } = line;
    if (seq >= this.#to) this.isDone = true;
    else if (key !== undefined && lastOf(line) >= this.#from) this.keys.push({ key, seq, count, ts, sum });
  }
}

/** Runs steps to their end, waiting for each, and giving other code its turn. */
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

/** Runs steps to their end, blocking. */
export function atOnce<T>(steps: Generator<unknown, T, unknown>): T {
  let step = steps.next();
  while (!step.done) {
    if (step.value instanceof Promise) {
      throw new WalError(
        'ERR_WAL_UNSUPPORTED',
        'This log cannot be read while the thread is blocked: append with a key once before, and await that.',
        { outcome: 'not-written' },
      );
    }
    step = steps.next(step.value);
  }
  return step.value;
}
