import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Body } from '../format/entry.ts';
import type { KeyedLine } from '../format/key-lines.ts';
import { canBeNumbered } from '../format/line.ts';
import type { LineStore } from '../store/store.ts';
import { Behind, type Decide } from './decision.ts';
import { Group } from './group.ts';
import type { KnownKeys } from './known-keys.ts';
import { type Expectation, meets, type Pending } from './pending.ts';
import type { Queue } from './queue.ts';
import type { Sealing } from './sealing.ts';
import type { Tail } from './tail.ts';

export interface GroupMakerParts {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly tail: Tail;
  readonly queue: Queue;
  readonly keys: KnownKeys;
  readonly sealing: Sealing;
  /** The append is in the log, as that entry: it leaves the queue. */
  readonly land: (pending: Pending, seq: number) => void;
  /** What an append that could not be decided waited for was read, or could not be: it may be settled, or have landed. */
  readonly ready: (pending: Pending) => void;
}

/** Decides in the write turn what of the queue is written, on the head the log has then, and makes its lines. */
export class GroupMaker {
  readonly #parts: GroupMakerParts;
  readonly group = new Group();
  #deciding = false;
  /** What appends that could not be decided yet wait for. */
  readonly #postponed = new Set<Promise<void>>();

  constructor(parts: GroupMakerParts) {
    this.#parts = parts;
  }

  /** True while a decision is being taken: nothing may be asked of the log then. */
  get deciding(): boolean {
    return this.#deciding;
  }

  /** Something that an append waits for outside the queue. */
  get postponed(): Promise<void> | undefined {
    const [first] = this.#postponed;
    return first;
  }

  /** Makes the group. Undefined where there is nothing to write. */
  make(): Buffer | undefined {
    const { tail, queue, keys } = this.#parts;
    if (tail.trouble !== undefined) throw tail.trouble;
    const { group } = this;
    group.begin(tail.tip, tail.keyScope, tail.fold, tail.synced);
    for (const pending of queue.waiting) {
      // A function before it in this group aborted its signal.
      if (!pending.queued) continue;
      const { body, expect } = pending;
      // What only this write stands against is decided once it has landed, and so is what was called after it.
      if (group.isFull || group.hasKey(body.key) || keys.cannotTell(body.key)) break;
      if (this.#isAnsweredByKey(pending) || this.#conflicts(pending)) continue;
      if (expect !== undefined && !meets(group.head, expect)) break;
      const decision = this.#decide(pending);
      if (decision === 'later') break;
      if (decision === 'settled') continue;
      if (!canBeNumbered(group.head.seq + 1, pending.body.count)) {
        // Where others of this write have the last numbers, that is told once they have landed.
        if (!group.isEmpty) break;
        queue.reject(pending, fullError(group.head));
        continue;
      }
      group.add(pending);
      queue.wrote(pending);
    }
    this.#seal();
    return group.isEmpty ? undefined : group.bytes;
  }

  /**
   * A key that the window holds answers with its line, once that is as durable as a new one would be. Where that line has another content,
   * the append is rejected. The window is that of the line that would be written: what precedes it in this write counts.
   */
  #isAnsweredByKey(pending: Pending): boolean {
    const { keys, queue, land } = this.#parts;
    const { key, sum } = pending.body;
    if (key === undefined) return false;
    const first = keys.get(key, this.group.head.seq);
    if (first === undefined) return false;
    if (first.sum !== sum) {
      queue.reject(pending, reusedError(key, first));
      return true;
    }
    pending.duplicate = true;
    pending.ts = first.ts;
    land(pending, first.seq);
    return true;
  }

  /** Rejects an append whose expectation the log as it lies there contradicts, whatever becomes of this write. */
  #conflicts(pending: Pending): boolean {
    const { tail, queue } = this.#parts;
    const { head } = tail;
    const { expect } = pending;
    if (expect === undefined || meets(head, expect)) return false;
    // A later seq may be what precedes in this write.
    if (expect.seq > head.seq && this.group.pending.length > 0) return false;
    queue.reject(pending, conflictError(head, expect));
    return true;
  }

  /**
   * Lets an append decide what it is. What it decides on lines of this same write is good only together with them: so
   * long as they have not landed, that it appends nothing, or throws, is not told.
   */
  #decide(pending: Pending): 'write' | 'settled' | 'later' {
    if (pending.decide === undefined) return 'write';
    const { queue } = this.#parts;
    const preceded = !this.group.isEmpty;
    const { body, error, failed } = this.#ask(pending.decide);
    // Its own function aborted its signal.
    if (pending.settled) return 'settled';
    if (body !== undefined) {
      queue.decided(pending, body);
      return 'write';
    }
    if (error instanceof Behind) this.#postpone(pending, error.until);
    else if (preceded) return 'later';
    else if (failed) queue.reject(pending, error);
    else queue.resolveEmpty(pending);
    return 'settled';
  }

  #ask(decide: Decide): {
    readonly body?: Body | undefined;
    readonly failed: boolean;
    readonly error?: unknown;
  } {
    this.#deciding = true;
    try {
      return { body: decide(this.group), failed: false };
    } catch (error) {
      return { failed: true, error };
    } finally {
      this.#deciding = false;
    }
  }

  /** Leaves an append out until what its decision needs was read. Should its line turn up meanwhile, it is its. */
  #postpone(pending: Pending, until: Promise<unknown>): void {
    const { queue, ready } = this.#parts;
    queue.take(pending);
    const again = (failed?: { readonly error: unknown }) => {
      this.#postponed.delete(wait);
      if (failed !== undefined && !pending.settled) queue.reject(pending, failed.error);
      ready(pending);
    };
    const wait: Promise<void> = until.then(
      () => again(),
      (error) => again({ error }),
    );
    this.#postponed.add(wait);
  }

  /** Ends the segment where this group fills it, or where that was asked for. One without entries is never sealed. */
  #seal(): void {
    const { store, clock, tail, queue, sealing } = this.#parts;
    const { group } = this;
    const bytes = tail.segmentSize + group.bytes.length;
    const full = bytes >= store.segmentBytes && !group.isEmpty;
    const hasEntries = group.head.seq >= tail.firstSeq;
    // Not only after a group that is empty: while more and more is appended, none would be.
    if (hasEntries && (full || sealing.isWanted)) group.seal(queue.nextWriter(), clock.now(), sealing.fold);
  }
}

function fullError({ seq }: Head): WalError {
  const message = `The log ends at entry ${seq}, and no entry has a number past 2^53 - 2: make a new log, and append there.`;
  return new WalError('ERR_WAL_FULL', message, { outcome: 'not-written', seq });
}

function reusedError(key: string, { seq }: KeyedLine): WalError {
  const message = `The key ${JSON.stringify(key)} is that of entry ${seq}, which has another op, id or data: to append this entry too, give it a key of its own.`;
  return new WalError('ERR_WAL_KEY_REUSED', message, { outcome: 'not-written', seq });
}

function conflictError(head: Head, expected: Expectation): WalError {
  const found = expected.seq === head.seq ? `has crc ${head.crc}` : `is entry ${head.seq}`;
  const sought = expected.seq === head.seq ? expected.crc : expected.seq;
  const message = `The log's head ${found}, not ${sought} as expected: read what came, decide again, append again.`;
  return new WalError('ERR_WAL_CONFLICT', message, { outcome: 'not-written', head, seq: head.seq });
}
