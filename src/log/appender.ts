import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Envelope } from '../format/line.ts';
import type { LineStore, WriteOutcome } from '../store/store.ts';
import { Backlog } from './backlog.ts';
import { Behind } from './decision.ts';
import { Group } from './group.ts';
import { KeyWindow } from './key-window.ts';
import { KnownKeys } from './known-keys.ts';
import { Landed } from './landed.ts';
import {
  type AppendResult,
  type Ending,
  type Expectation,
  meets,
  Pending,
  type Request,
  withOutcome,
} from './pending.ts';
import { Sealing } from './sealing.ts';
import type { Stats } from './stats.ts';
import { Stretch } from './stretch.ts';
import { Tail } from './tail.ts';

export interface AppenderParts {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly stats: Stats;
  /** This Wal's random name, 8 characters of 0-9a-z. */
  readonly session: string;
  readonly durability: 'sync' | 'os';
  readonly keyWindow: number;
  readonly maxPendingBytes: number;
  /** Called when a seal of this Wal's has landed. */
  sealed(): void;
  /** Where the turns are told to, if anywhere. */
  readonly debug: ((message: string) => void) | undefined;
}

/** Writes what callers append, in groups: collects, takes its turn, and hands over what landed to be acknowledged. */
export class Appender {
  readonly #parts: AppenderParts;
  readonly tail: Tail;
  readonly #keys: KnownKeys;
  #lines = 0;
  /** Not in the log (that lies there now), in the order of their calls. */
  #queue: Pending[] = [];
  /** Those whose lines may be in the log, by writer. */
  readonly #written = new Map<string, Pending>();
  readonly #group = new Group();
  /** The group of a write whose outcome was not heard yet: it can no more be taken back. */
  #unheard: readonly Pending[] = [];
  #running: Promise<void> | undefined;
  /** What appends that could not be decided yet wait for. */
  readonly #postponed = new Set<Promise<void>>();
  #deciding = false;
  /** What is on its way, landed or not. */
  readonly backlog: Backlog;
  readonly #stretch: Stretch;
  readonly #sealing: Sealing;
  readonly #landed: Landed;
  #failure: WalError | undefined;

  constructor(parts: AppenderParts) {
    this.#parts = parts;
    this.#stretch = new Stretch(parts.clock);
    this.backlog = new Backlog(parts.maxPendingBytes);
    const window = new KeyWindow(parts.keyWindow);
    this.tail = new Tail(window, {
      accepted: (line) => this.#accepted(line),
      landed: (end) => this.#groupLanded(end),
      replaced: () => this.#replaced(),
    });
    this.#keys = new KnownKeys(window, this.tail, parts.store);
    this.#sealing = new Sealing(this.tail);
    this.#landed = new Landed({
      ...parts,
      tail: this.tail,
      resolve: (pending) => this.#resolve(pending),
      reject: (pending, error) => this.#reject(pending, error),
      syncFailed: (error) => this.#syncFailed(error),
    });
  }

  /** The failure after which nothing more can be appended. */
  get failure(): WalError | undefined {
    return this.#failure;
  }

  /** True while a decision is being taken: nothing may be asked of the log then. */
  get deciding(): boolean {
    return this.#deciding;
  }

  /** Resolves with undefined where it was decided to append nothing. */
  append(request: Request, signal: AbortSignal | undefined): Promise<AppendResult | undefined> {
    return new Promise((resolve, reject) => {
      let ignore: (() => void) | undefined;
      const pending = this.#enqueue(request, {
        resolve: (result) => {
          ignore?.();
          resolve(result);
        },
        reject: (error) => {
          ignore?.();
          reject(error);
        },
      });
      if (signal !== undefined) ignore = this.#heed(signal, pending);
      this.#start();
    });
  }

  appendNow(request: Request): AppendResult {
    let failed: { readonly error: unknown } | undefined;
    let answer: AppendResult | undefined;
    const pending = this.#enqueue(request, {
      resolve: (result) => {
        answer = result;
      },
      reject: (error) => {
        failed = { error };
      },
    });
    while (!pending.settled) this.#stepNow();
    if (failed !== undefined) throw failed.error;
    return answer as unknown as AppendResult;
  }

  #start(): void {
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  #enqueue(request: Request, end: Ending): Pending {
    const number = ++this.#lines;
    const pending = new Pending(request, number, `${this.#parts.session}.${number}`, end);
    this.backlog.add(pending.weight);
    this.#queue.push(pending);
    return pending;
  }

  #resolve(pending: Pending): void {
    if (!pending.duplicate) this.#parts.stats.entries += pending.body.count;
    this.#forget(pending);
    pending.resolve(this.#parts.durability);
  }

  #reject(pending: Pending, error: unknown): void {
    this.#forget(pending);
    pending.reject(error);
  }

  #forget({ weight, writer }: Pending): void {
    this.#written.delete(writer);
    this.backlog.remove(weight);
  }

  /**
   * Takes an append back when its caller says so, unless it is in the log: then it goes on. Returns how to stop heeding.
   */
  #heed(signal: AbortSignal, pending: Pending): () => void {
    const abort = () => {
      if (pending.settled || pending.everLanded || this.#unheard.includes(pending)) return;
      this.#queue = this.#queue.filter((other) => other !== pending);
      const message = 'The append was aborted before it was written.';
      this.#reject(
        pending,
        new WalError('ERR_WAL_ABORTED', message, { outcome: 'not-written', cause: signal.reason }),
      );
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return () => signal.removeEventListener('abort', abort);
  }

  /**
   * Reads the log to its end, refuses one where acknowledged entries may be missing, and syncs it: so that even the first
   * line of a Wal that writes only one proves that what it follows is kept. On a file that is synced already this
   * costs some hundredths of a millisecond.
   */
  async begin(): Promise<void> {
    const { store, durability } = this.#parts;
    await store.catchUp(this.tail);
    if (this.tail.trouble !== undefined) throw this.tail.trouble;
    if (durability === 'os') return;
    try {
      await this.#landed.begin();
    } catch (error) {
      if (hasCode(error, 'ERR_WAL_SYNC')) this.#leaveWord();
      throw error;
    }
  }

  /**
   * Ends the segment that is being written, if it has entries, and resolves with the head that its seal leaves, once all
   * up to there is synced.
   */
  async seal(): Promise<Head> {
    const sealed = this.#sealing.want();
    this.#start();
    const head = await sealed;
    await this.#parts.store.sync(false);
    return head;
  }

  /** Resolves once nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#running || this.backlog.isWaitedFor || this.#postponed.size > 0) {
      await (this.#running ?? [...this.#postponed][0]);
    }
  }

  async #run(): Promise<void> {
    const { store, clock } = this.#parts;
    while (this.#wanted() || !this.#landed.isEmpty) {
      if (this.#stretch.isOver) await clock.yield();
      if (this.#wanted()) {
        try {
          if (this.#lacksKeys) await this.#keys.readOlder(() => clock.yield());
          const outcome = await store.write(this.tail, this.#buildUnheard, this.#wanted);
          this.#wrote(outcome, this.#unheard);
          if (outcome.kind === 'failed') this.#sealing.fail(outcome.error);
          else this.#sealing.look();
        } catch (error) {
          this.#rejectQueue(error);
          this.#sealing.fail(error);
        } finally {
          this.#unheard = [];
        }
      }
      if (!this.#landed.isEmpty) await this.#landed.acknowledge(this.#queue.length === 0);
    }
    this.#running = undefined;
  }

  #stepNow(): void {
    const { store } = this.#parts;
    if (this.#queue.length > 0) {
      try {
        if (this.#lacksKeys) this.#keys.readOlderNow();
        const outcome = store.writeNow(this.tail, this.#build);
        this.#wrote(outcome, this.#group.pending);
        // Else every further append of this stretch would end its segment, too.
        if (outcome.kind !== 'failed') this.#sealing.look();
      } catch (error) {
        this.#rejectQueue(error);
      }
    }
    if (!this.#landed.isEmpty) this.#landed.acknowledgeNow();
  }

  readonly #wanted = (): boolean => this.#queue.length > 0 || this.#sealing.isWanted;

  /** Before `write` is heard of, other code may run, and append or abort. */
  readonly #buildUnheard = (): Buffer | undefined => {
    const bytes = this.#build();
    this.#unheard = this.#group.pending;
    return bytes;
  };

  /** Decides what of the queue is written now, on the head the log has now, and makes its lines. */
  readonly #build = (): Buffer | undefined => {
    if (this.tail.trouble !== undefined) throw this.tail.trouble;
    const group = this.#group;
    group.begin(this.tail.head, this.tail.synced);
    const decided = new Set<Pending>();
    for (const pending of this.#queue) {
      const { body, expect } = pending;
      // What only this write stands against is decided once it has landed, and so is what was called after it.
      if (group.isFull || group.hasKey(body.key) || this.#keys.cannotTell(body.key)) break;
      if (this.#isDuplicate(pending) || this.#conflicts(pending)) {
        decided.add(pending);
        continue;
      }
      if (expect !== undefined && !meets(group.head, expect)) break;
      const decision = this.#decide(pending);
      if (decision === 'later') break;
      if (decision === 'settled') {
        decided.add(pending);
        continue;
      }
      group.add(pending);
      this.#written.set(pending.writer, pending);
    }
    if (decided.size > 0) this.#queue = this.#queue.filter((pending) => !decided.has(pending));
    this.#seal();
    return group.isEmpty ? undefined : group.bytes;
  };

  /**
   * Lets an append decide what it is. What it decides on lines of this same write is good only together with them: so
   * long as they have not landed, that it appends nothing, or throws, is not told.
   */
  #decide(pending: Pending): 'write' | 'settled' | 'later' {
    if (pending.decide === undefined) return 'write';
    const preceded = !this.#group.isEmpty;
    this.#deciding = true;
    try {
      const body = pending.decide(this.#group);
      if (body !== undefined) {
        pending.decided(body);
        return 'write';
      }
      if (preceded) return 'later';
      this.#forget(pending);
      pending.resolveEmpty();
    } catch (error) {
      if (error instanceof Behind) this.#postpone(pending, error.until);
      else if (preceded) return 'later';
      else this.#reject(pending, error);
    } finally {
      this.#deciding = false;
    }
    return 'settled';
  }

  /** Takes an append out of the queue until what its decision needs was read. Should its line turn up meanwhile, it is its. */
  #postpone(pending: Pending, until: Promise<unknown>): void {
    const again = () => {
      if (pending.settled || pending.epoch !== undefined) return;
      if (this.#failure !== undefined) this.#reject(pending, latchedError(this.#failure));
      else this.#queue = [pending, ...this.#queue].sort(inOrder);
    };
    const wait = until
      .then(again, (error) => {
        if (!pending.settled) this.#reject(pending, error);
      })
      .then(() => {
        this.#postponed.delete(wait);
        this.#start();
      });
    this.#postponed.add(wait);
  }

  /** Ends the segment where this group fills it, or where that was asked for. One without entries is never sealed. */
  #seal(): void {
    const { store, clock, session } = this.#parts;
    const group = this.#group;
    const bytes = this.tail.segmentSize + group.bytes.length;
    const full = bytes >= store.segmentBytes && !group.isEmpty;
    const hasEntries = group.head.seq >= this.tail.firstSeq;
    // Not only after a group that is empty: while more and more is appended, none would be.
    if (hasEntries && (full || this.#sealing.isWanted))
      group.seal(`${session}.${++this.#lines}`, clock.now());
  }

  get #lacksKeys(): boolean {
    return this.#queue.some(({ body }) => this.#keys.cannotTell(body.key));
  }

  /** A key that is in the window answers with its record, once that is as durable as a new one would be. */
  #isDuplicate(pending: Pending): boolean {
    const { key } = pending.body;
    if (key === undefined) return false;
    const first = this.#keys.get(key);
    if (first === undefined) return false;
    pending.duplicate = true;
    pending.ts = first.ts;
    this.#land(pending, first.seq);
    return true;
  }

  /** Rejects an append whose expectation the log as it lies there contradicts, whatever becomes of this write. */
  #conflicts(pending: Pending): boolean {
    const { head } = this.tail;
    const { expect } = pending;
    if (expect === undefined || meets(head, expect)) return false;
    // A later seq may be what precedes in this write.
    if (expect.seq > head.seq && this.#group.pending.length > 0) return false;
    this.#reject(pending, conflictError(head, expect));
    return true;
  }

  #groupLanded(end: number): void {
    const { pending, head, lastLineBytes, sealed } = this.#group;
    this.tail.advance(head, end - lastLineBytes, sealed);
    if (this.tail.isHeard) this.#tell();
    for (const each of pending) {
      this.#land(each, each.seq);
      if (each.body.key !== undefined) this.#keys.add(each.body.key, each);
    }
    this.#queue.splice(0, pending.length);
    if (sealed) this.#parts.sealed();
  }

  #tell(): void {
    const { count } = this.#group;
    const tell = (bytes: Buffer, start: number, end: number) => this.tail.tell(bytes, start, end);
    for (let i = 0; i < count; i++) this.#group.show(i, tell);
  }

  #land(pending: Pending, seq: number): void {
    pending.landed(seq, this.tail.epoch);
    this.#landed.add(pending);
  }

  /** A line was read: perhaps one of ours, overtaken by others, or in a file that took the old one's place. */
  #accepted(line: Envelope): void {
    const pending = this.#written.get(line.writer);
    if (pending === undefined || pending.epoch !== undefined) return;
    this.#land(pending, line.seq);
    this.#queue = this.#queue.filter((other) => other !== pending);
  }

  #replaced(): void {
    this.#parts.stats.replacements++;
    this.#parts.debug?.('the log was replaced: reading it anew');
    this.#queue = [...this.#landed.unland(), ...this.#queue].sort(inOrder);
    this.#giveUpHidden();
  }

  /** Rejects what may be in a part of the new log that is not read: appended again, it could be there twice. */
  #giveUpHidden(): void {
    const { firstSeq } = this.tail;
    const hidden = this.#queue.filter(({ everLanded, seq }) => everLanded && seq < firstSeq);
    if (hidden.length === 0) return;
    this.#queue = this.#queue.filter((pending) => !hidden.includes(pending));
    const message = `The log was replaced by one that goes on from entry ${firstSeq}: look there for the entry, by its id or key, before appending it again.`;
    for (const pending of hidden)
      this.#reject(pending, new WalError('ERR_WAL_DIVERGED', message, { outcome: 'unknown' }));
  }

  #wrote(outcome: WriteOutcome, group: readonly Pending[]): void {
    if (outcome.kind === 'nothing') return;
    const { stats, debug } = this.#parts;
    const lost = group.filter(({ epoch, settled }) => epoch === undefined && !settled);
    stats.batches++;
    stats.bytes += group.at(-1)?.end ?? 0;
    if (outcome.kind === 'failed') {
      this.#failed(outcome, lost);
      return;
    }
    if (outcome.kind === 'replaced') for (const pending of lost) pending.everLanded = true;
    debug?.(`wrote ${group.length} lines from ${group[0]?.seq}: ${outcome.kind}`);
    if (lost.length > 0) {
      stats.retries++;
      stats.superseded += lost.length;
      if (outcome.kind === 'overtaken') this.#giveUp(lost);
    }
  }

  /** Rejects decisions that were overtaken too often. */
  #giveUp(lost: readonly Pending[]): void {
    const given = lost.filter((pending) => !pending.overtaken());
    if (given.length === 0) return;
    this.#queue = this.#queue.filter((pending) => !given.includes(pending));
    const { head } = this.tail;
    const message =
      'Others came first at every try: nothing was appended. Try again later, or raise maxTries.';
    for (const pending of given) {
      const details = { outcome: 'not-written', head, seq: head.seq } as const;
      this.#reject(pending, new WalError('ERR_WAL_CONFLICT', message, details));
    }
  }

  #failed(
    { error, written, fatal }: Extract<WriteOutcome, { kind: 'failed' }>,
    lost: readonly Pending[],
  ): void {
    this.#queue = this.#queue.filter((pending) => !lost.includes(pending));
    for (const pending of lost) {
      // All but its newline is there: what reads the file by other rules than ours may take it for a line.
      const cut = pending.end - 1 === written;
      this.#reject(pending, cut ? withOutcome(error, 'unknown') : error);
    }
    if (fatal) this.#latch(error);
  }

  #rejectQueue(error: unknown): void {
    if (hasCode(error, 'ERR_WAL_SYNC')) {
      // The segment before could not be synced through its seal.
      this.#syncFailed(error as WalError);
      return;
    }
    const failure =
      error instanceof WalError
        ? withOutcome(error, 'not-written')
        : new WalError('ERR_WAL_IO', `The append failed: ${(error as Error)?.message ?? error}`, {
            outcome: 'not-written',
            cause: error,
          });
    if (failure.code === 'ERR_WAL_LOCK_TIMEOUT') this.#parts.stats.timeouts++;
    const queue = this.#queue;
    this.#queue = [];
    for (const pending of queue) this.#reject(pending, failure);
  }

  /** A failed sync is never tried again: the kernel may have marked the pages clean that it could not write. */
  #syncFailed(error: WalError): void {
    this.#leaveWord();
    this.#latch(error);
  }

  #leaveWord(): void {
    try {
      this.#parts.store.suspect();
    } catch (failed) {
      this.#parts.debug?.(`could not leave word of the failed sync: ${failed}`);
    }
  }

  #latch(error: WalError): void {
    this.#failure = error;
    this.#landed.reject(error);
    this.#rejectQueue(latchedError(error));
  }
}

/** Of the calls. */
function inOrder(a: Pending, b: Pending): number {
  return a.number - b.number;
}

function conflictError(head: Head, expected: Expectation): WalError {
  const found = expected.seq === head.seq ? `has crc ${head.crc}` : `is entry ${head.seq}`;
  const sought = expected.seq === head.seq ? expected.crc : expected.seq;
  const message = `The log's head ${found}, not ${sought} as expected: read what came, decide again, append again.`;
  return new WalError('ERR_WAL_CONFLICT', message, { outcome: 'not-written', head, seq: head.seq });
}

/** What every call gets after a failure that may have left the disk and the cache at odds. */
export function latchedError(failure: WalError): WalError {
  return new WalError(
    'ERR_WAL_LATCHED',
    `This Wal stopped for good after an earlier failure (${failure.message}) Open the log again.`,
    {
      outcome: 'not-written',
      cause: failure,
    },
  );
}
