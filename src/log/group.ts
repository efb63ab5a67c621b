import { WalError } from '../errors/errors.ts';
import type { Head, Tip } from '../format/chain.ts';
import { type Body, sealBody } from '../format/entry.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import type { KeyedLine } from '../format/key-lines.ts';
import { type KeyScope, raisedScope } from '../format/key-scope.ts';
import { ENVELOPE_BYTES } from '../format/line.ts';
import { writeLine } from '../format/write-line.ts';
import type { WrittenGroup } from '../store/feed.ts';
import type { LineStore } from '../store/store.ts';
import type { Keys } from './keys.ts';
import { type Decide, type Expectation, meets, type Pending, type Preceding, RetryAfter } from './pending.ts';
import type { Queue } from './queue.ts';
import type { Tail } from './tail.ts';

export interface GroupParts {
  readonly store: LineStore;
  readonly tail: Tail;
  readonly queue: Queue;
  readonly keys: Keys;
  /** Called when the append is in the log, as entry `seq`: it leaves the queue. */
  readonly land: (pending: Pending, seq: number) => void;
  /**
   * Called when the data that a postponed decision waited for was read, or could not be; the append may be settled,
   * or have landed, by then.
   */
  readonly ready: (pending: Pending) => void;
}

/** A request to seal the segment although it is not full. */
export interface SealWish {
  /** The fold that the seal names as the log's, unless another was named before it. */
  readonly fold: FoldIdentity;
  /** Its date, if no line of the same write has one. */
  readonly ts: number;
}

/** The memory kept while there is nothing to write, in bytes. */
const KEPT_BYTES = 1024 * 1024;
const FIRST_BYTES = 64 * 1024;

/**
 * The lines of one write, each chained to the one before. Every turn makes them again, in the same memory, from the
 * appends that are waiting then: each append is decided here, against the head left by the log and the lines before
 * it.
 */
export class Group implements Preceding, WrittenGroup {
  readonly #parts: GroupParts;
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #used = 0;
  /** Offset of its last line. */
  #lastOffset = 0;
  #synced = 0;
  #scope: KeyScope = { window: 0, from: 1 };
  #raises = false;
  #keys = new Set<string>();
  /** The reads that postponed decisions wait for. */
  readonly #postponed = new Set<Promise<void>>();
  /** True while a decision runs: it must not call the log. */
  deciding = false;
  /** The appends in it, in order. */
  pending: Pending[] = [];
  round = 0;
  /** The tip of the log once the group, as far as it is built, has landed. */
  tip: Tip = { seq: 0, crc: '', link: '' };
  /** Whether its last line is a seal. */
  sealed = false;
  /** The `writer` of the seal that was made last, by which that is known when it is read. */
  sealWriter: string | undefined;
  /** The log's fold after it. */
  fold: FoldIdentity | undefined;
  bytes: Buffer = this.#buffer;
  /** Bytes from the beginning of the last line to the group's end. */
  lastLineBytes = 0;

  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  get head(): Head {
    return this.tip;
  }

  /** How many lines it has, not counting a seal. */
  get count(): number {
    return this.pending.length;
  }

  /** One of the reads for which an append waits outside the queue. */
  get postponed(): Promise<void> | undefined {
    const [first] = this.#postponed;
    return first;
  }

  visitLine(i: number, to: (bytes: Buffer, start: number, end: number) => void): void {
    to(this.#buffer, this.pending[i - 1]?.endsAt ?? 0, (this.pending[i] as Pending).endsAt - 1);
  }

  /**
   * Makes the group from the waiting appends, on the tail's tip. It ends with a seal if it fills the segment, or if
   * `wish` is given; then the seal names the fold of the wish unless another was named before it. Undefined if there
   * is nothing to write.
   */
  make(wish: SealWish | undefined): Group | undefined {
    const { store, tail, queue } = this.#parts;
    if (tail.corruption !== undefined) throw tail.corruption;
    // Only a group with a large line makes the buffer so large.
    if (this.#buffer.length > 2 * KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.pending = [];
    this.tip = tail.at?.tip ?? tail.tip;
    this.fold = tail.fold;
    this.sealed = false;
    this.round++;
    this.#synced = tail.synced;
    this.#scope = tail.keys.scope;
    this.#used = 0;
    this.#raises = false;
    if (this.#keys.size > 0) this.#keys = new Set();
    const { waiting } = queue;
    for (let i = 0; i < waiting.length; i++) {
      const pending = waiting[i] as Pending;
      // A decision earlier in this group aborted its signal.
      if (!pending.queued) continue;
      // An append after a raised key window is decided once the raise has landed.
      if (this.#raises) break;
      if (!pending.isPlain) {
        const decision = this.#decide(pending);
        if (decision === 'later') break;
        if (decision === 'settled') continue;
      }
      if (this.#used > 0 && this.#used + pending.body.bytes + ENVELOPE_BYTES > store.groupBytes) break;
      if (!Number.isSafeInteger(this.tip.seq + 1 + pending.body.count)) {
        // If appends of this write take the last numbers, the error is reported once they have landed.
        if (this.#used > 0) break;
        queue.reject(pending, fullError(this.tip));
        continue;
      }
      this.#add(pending);
    }
    // Not only when nothing is waiting: under continuous appends that would never happen.
    const isFull = this.#used > 0 && (tail.at?.end ?? 0) + this.#used >= store.segmentBytes;
    if (isFull || wish !== undefined) this.#seal(wish);
    if (this.#used === 0) return undefined;
    this.bytes = this.#buffer.subarray(0, this.#used);
    this.lastLineBytes = this.#used - this.#lastOffset;
    return this;
  }

  /** There is nothing to write for now: releases the appends, and memory beyond 1 MiB. */
  rest(): void {
    this.pending = [];
    if (this.#buffer.length <= KEPT_BYTES) return;
    this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.bytes = this.#buffer;
  }

  #add(pending: Pending): void {
    const { body, writer } = pending;
    pending.seq = this.tip.seq + 1;
    pending.writing = true;
    this.#put(body, writer);
    pending.endsAt = this.#used;
    this.pending.push(pending);
    if (body.key !== undefined) this.#keys.add(body.key);
    if (body.fold !== undefined) this.fold = recordedFold(this.fold, body.fold);
    if (body.keyWindow === undefined) return;
    this.#scope = raisedScope(this.#scope, body.keyWindow, pending.seq);
    this.#raises = true;
  }

  #put({ text, bytes, count, ts }: Body, writer: string): void {
    const most = this.#used + bytes + ENVELOPE_BYTES;
    if (most > this.#buffer.length) this.#grow(most);
    const { seq, crc, link: prev } = this.tip;
    const line = { prev, seq: seq + 1, synced: this.#synced, ts, writer, crc: '' };
    this.#lastOffset = this.#used;
    this.#used = writeLine(this.#buffer, this.#used, text, line, count);
    this.tip = { seq: seq + count, crc: count > 0 ? line.crc : crc, link: line.crc };
  }

  #grow(most: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, most));
    this.#buffer.copy(grown, 0, 0, this.#used);
    this.#buffer = grown;
  }

  /**
   * Seals the segment, with the date of the line before. A segment without entries is never sealed. A seal is not an
   * append: if it is overtaken, it is not written again.
   */
  #seal(wish: SealWish | undefined): void {
    const { tail, queue } = this.#parts;
    if (this.tip.seq < tail.firstSeq) return;
    if (wish !== undefined) this.fold = recordedFold(this.fold, wish.fold);
    const ts = this.pending.at(-1)?.body.ts ?? wish?.ts ?? 0;
    this.sealWriter = queue.nextWriter();
    this.#put(sealBody(ts, this.#scope, this.fold), this.sealWriter);
    this.sealed = true;
  }

  /**
   * Decides an append with a key, an expectation or a function. 'later': in the next write, with all appends called
   * after it.
   */
  #decide(pending: Pending): 'write' | 'settled' | 'later' {
    const { keys, tail } = this.#parts;
    const { body, expect, decide } = pending;
    // A conflict caused only by this same write is decided once that write has landed, and so are later appends.
    if (body.key !== undefined && (this.#keys.has(body.key) || keys.areShort(tail.head.seq))) return 'later';
    if (body.key !== undefined && this.#isAnsweredByKey(pending, body.key)) return 'settled';
    if (expect !== undefined) {
      if (this.#conflicts(pending, expect)) return 'settled';
      if (!meets(this.tip, expect)) return 'later';
    }
    return decide === undefined ? 'write' : this.#ask(pending, decide);
  }

  /**
   * An append whose key is in the window is answered with that key's line, once that is as durable as a new line
   * would be. If that line has other content, the append is rejected. The window is the one at the line that would be
   * written: the lines before it in this write count.
   */
  #isAnsweredByKey(pending: Pending, key: string): boolean {
    const { keys, queue, land } = this.#parts;
    const first = keys.get(key, this.tip.seq);
    if (first === undefined) return false;
    if (first.sum !== pending.body.sum) {
      queue.reject(pending, reusedError(key, first));
      return true;
    }
    pending.duplicate = true;
    pending.ts = first.ts;
    land(pending, first.seq);
    return true;
  }

  /** Rejects an append whose expectation the present log contradicts, whether or not this write lands. */
  #conflicts(pending: Pending, expect: Expectation): boolean {
    const { tail, queue } = this.#parts;
    const { head } = tail;
    if (meets(head, expect)) return false;
    // The expected later seq may be reached by the lines before it in this write.
    if (expect.seq > head.seq && this.pending.length > 0) return false;
    queue.reject(pending, conflictError(head, expect));
    return true;
  }

  /**
   * Calls the append's decision. A decision based on lines of this same write holds only if they land: until then,
   * that it appends nothing, or throws, is not reported.
   */
  #ask(pending: Pending, decide: Decide): 'write' | 'settled' | 'later' {
    const { queue } = this.#parts;
    const isFirst = this.#used === 0;
    this.deciding = true;
    try {
      const body = decide(this);
      // The decision itself aborted the signal of its append.
      if (pending.settled) return 'settled';
      if (body !== undefined) {
        queue.decided(pending, body);
        return 'write';
      }
      if (!isFirst) return 'later';
      queue.forget(pending);
      pending.settled = true;
      pending.end.resolve(undefined);
    } catch (error) {
      if (pending.settled) return 'settled';
      if (error instanceof RetryAfter) this.#postpone(pending, error.until);
      else if (!isFirst) return 'later';
      else queue.reject(pending, error);
    } finally {
      this.deciding = false;
    }
    return 'settled';
  }

  /**
   * Leaves an append out until the data that its decision needs was read. If its line is found in the log meanwhile,
   * that settles the append.
   */
  #postpone(pending: Pending, until: Promise<unknown>): void {
    const { queue, ready } = this.#parts;
    queue.setAside(pending);
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
}

function fullError({ seq }: Head): WalError {
  const message = `The log ends at entry ${seq}, and the largest number of an entry is 2^53 - 2: make a new log and append there.`;
  return new WalError('ERR_WAL_FULL', message, { outcome: 'not-written', seq });
}

function reusedError(key: string, { seq }: KeyedLine): WalError {
  const message = `The key ${JSON.stringify(key)} belongs to entry ${seq}, which has another op, id or data: to append this entry too, give it another key.`;
  return new WalError('ERR_WAL_KEY_REUSED', message, { outcome: 'not-written', seq });
}

function conflictError(head: Head, expected: Expectation): WalError {
  const found = expected.seq === head.seq ? `has crc ${head.crc}` : `is entry ${head.seq}`;
  const sought = expected.seq === head.seq ? expected.crc : expected.seq;
  const message = `The log's head ${found}, not ${sought} as expected: read the new entries, decide again, then append again.`;
  return new WalError('ERR_WAL_CONFLICT', message, { outcome: 'not-written', head, seq: head.seq });
}
