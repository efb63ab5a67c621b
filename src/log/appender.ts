import type { Clock } from '../clock/clock.ts';
import type { YieldBudget } from '../clock/yield-budget.ts';
import { hasCode, WalError, withOutcome } from '../errors/errors.ts';
import type { Head, Tip } from '../format/chain.ts';
import { foldBody } from '../format/entry.ts';
import { type FoldIdentity, isNews } from '../format/fold-identity.ts';
import { type KeyScope, scopeAtStart } from '../format/key-scope.ts';
import type { Envelope } from '../format/line.ts';
import type { Rewind } from '../format/mark.ts';
import type { Turn, WriteOutcome, WrittenGroup } from '../store/feed.ts';
import type { LineStore } from '../store/store.ts';
import { Group, type SealWish } from './group.ts';
import { atOnce, Keys, waiting } from './keys.ts';
import { type AppendResult, type Pending, type Request, UNDECIDED } from './pending.ts';
import { abortedError, Queue, type QueueParts } from './queue.ts';
import type { Stats } from './stats.ts';
import { Tail } from './tail.ts';
import { Witness } from './witness.ts';

export interface AppenderParts extends QueueParts {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly stats: Stats;
  readonly durability: 'sync' | 'os';
  /** Called, possibly within a turn, when a seal written by this Wal has been accepted. */
  sealed(): void;
  /** Called, possibly within a turn, if entries that were acknowledged on this machine are found to be missing. */
  rewound(rewind: Rewind): void;
  /** Receives a message about each write, for debugging. */
  readonly debug: ((message: string) => void) | undefined;
  /** How long appends may keep this thread from other work. */
  readonly budget: YieldBudget;
}

/** The state at the seal of a segment. */
export interface Sealed {
  readonly tip: Tip;
  /** Which idempotency keys are looked up after it. */
  readonly keys: KeyScope;
  /** The log's fold there. */
  readonly fold: FoldIdentity | undefined;
}

/** A caller that waits for a seal. */
interface Sealing extends SealWish {
  resolve(sealed: Sealed): void;
  reject(error: unknown): void;
}

/** After a sync this slow, the next ones do not run on this thread for a while. In milliseconds. */
const STALL_MS = 25;

/**
 * The path of an append: `append` queues it; `#run` takes a turn, in which `build` makes the lines of all waiting
 * appends and `wrote` receives the outcome; `#acknowledge` syncs what landed, checks that it is still there, and
 * resolves. Rare cases leave this path, below.
 */
export class Appender implements Turn {
  readonly #parts: AppenderParts;
  readonly tail: Tail;
  /** As `Turn` asks. */
  readonly feed: Tail;
  readonly queue: Queue;
  readonly group: Group;
  readonly witness: Witness;
  /** The failure after which nothing more can be appended. */
  failure: WalError | undefined;
  /** Appends in the present log that are not acknowledged yet. */
  #landed: Pending[] = [];
  /** The highest seq among those. */
  #landedTo = 0;
  #seals: Sealing[] = [];
  #running: Promise<void> | undefined;
  /** How long a sync usually takes, in milliseconds. */
  #syncMs = 0;

  constructor(parts: AppenderParts) {
    const { store } = parts;
    this.#parts = parts;
    this.queue = new Queue(parts);
    const { keyWindow, fold } = store.info();
    const keys = new Keys(scopeAtStart(keyWindow));
    this.tail = new Tail(keys, fold, {
      accepted: (line) => this.#accepted(line),
      replaced: () => this.#replaced(),
      caughtUp: (state) => this.witness.caughtUp(state),
    });
    this.feed = this.tail;
    this.witness = new Witness({
      ...parts,
      tail: this.tail,
      busy: () => this.#running !== undefined,
      rewound: (rewind) => parts.rewound(rewind),
    });
    this.group = new Group({
      store,
      keys,
      tail: this.tail,
      queue: this.queue,
      land: (pending, seq) => this.#land(pending, seq),
      ready: (pending) => this.#resume(pending),
    });
  }

  /** Resolves with undefined if the decision was to append nothing. */
  append(request: Request): Promise<AppendResult | undefined> {
    if (request.signal?.aborted) return Promise.reject(abortedError(request.signal));
    return new Promise((resolve, reject) => {
      this.queue.add(request, { resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    const { budget } = this.#parts;
    // Everything appended before the caller awaits something goes into the same group.
    await undefined;
    while (this.wanted() || this.#landed.length > 0) {
      if (budget.leftMs() <= 0) await budget.end();
      await this.#step(false);
    }
    this.#running = undefined;
    this.group.rest();
  }

  /**
   * Writes what is waiting, and acknowledges what has landed. If `blocks`, awaits nothing: all is done when it
   * returns.
   */
  async #step(blocks: boolean): Promise<void> {
    const { store } = this.#parts;
    if (this.wanted()) {
      try {
        const reading = this.queue.keyed > 0 ? this.#readKeys(blocks) : undefined;
        if (reading !== undefined) await reading;
        const turn = blocks ? store.files?.blocking.write(this) : store.write(this);
        if (turn !== undefined) await turn;
      } catch (error) {
        this.#turnFailed(error);
      }
      // Before the next turn, which may sync the same file: the system reports a failure only once to each open file.
      const ending = this.#seals.length > 0 ? this.#endSeals(blocks) : undefined;
      if (!blocks && ending !== undefined) await ending;
    }
    const acknowledging = this.#landed.length > 0 ? this.#acknowledge(blocks) : undefined;
    if (!blocks && acknowledging !== undefined) await acknowledging;
  }

  readonly wanted = (): boolean => this.queue.size > 0 || this.#seals.length > 0;

  build(): WrittenGroup | undefined {
    return this.group.make(this.#seals[0]);
  }

  wrote(outcome: WriteOutcome): void {
    const { stats, debug, sealed } = this.#parts;
    const { pending, bytes } = this.group;
    stats.batches++;
    // The bytes that end a torn line are written before the group and do not count.
    const written = outcome.kind === 'failed' ? outcome.written : bytes.length;
    stats.bytes += Math.min(Math.max(written, 0), bytes.length);
    debug?.(`wrote ${pending.length} lines from ${pending[0]?.seq}: ${outcome.kind}`);
    if (outcome.kind !== 'landed') {
      this.#wroteOtherwise(outcome, pending);
      return;
    }
    for (let i = 0; i < pending.length; i++) {
      const each = pending[i] as Pending;
      each.writing = false;
      this.#land(each, each.seq);
      if (each.body.key !== undefined || each.body.keyWindow !== undefined) this.#noteKeys(each);
    }
    // Last: whatever the listeners do, all of the group is in the log.
    if (this.tail.listeners.size > 0) this.#tell(bytes);
    if (this.group.sealed) sealed();
  }

  #land(pending: Pending, seq: number): void {
    pending.seq = seq;
    pending.epoch = this.tail.epoch;
    // A duplicate's line was written by another append.
    if (!pending.duplicate && seq < pending.lowestSeq) pending.lowestSeq = seq;
    this.queue.take(pending);
    this.#landed.push(pending);
    if (seq > this.#landedTo) this.#landedTo = seq;
  }

  async #acknowledge(blocks: boolean): Promise<void> {
    const { store, clock, budget, durability } = this.#parts;
    const { tail } = this;
    const { epoch } = tail;
    // The same as `tail.head`, which makes an object; `at` is undefined only at the beginning of a segment.
    const head = tail.at?.tip ?? tail.head;
    const landed = this.#landed;
    const count = landed.length;
    try {
      // What lines say was synced does not count here: see `syncedHere`.
      if (durability === 'sync' && this.#landedTo > tail.syncedHere) {
        // If nothing else waits for this thread, it syncs a lone append itself: handing the sync to a thread costs as
        // much.
        const isLone = !blocks && count === 1 && this.#syncMs < budget.mostMs;
        if (isLone && this.#syncMs > budget.leftMs()) await budget.end();
        const quick = isLone && this.queue.size === 0;
        const start = clock.elapsed();
        const syncing = blocks ? store.files?.blocking.sync() : store.sync(quick);
        if (syncing !== undefined) await syncing;
        this.#pace(clock.elapsed() - start);
        if (epoch === tail.epoch) tail.raiseSynced(head.seq);
      }
      // Verifies the file that is there now: an acknowledgement must be about that file, not about a replaced one.
      const looking = blocks ? store.files?.blocking.confirm(tail) : store.confirm(tail);
      if (looking !== undefined) await looking;
      this.#answer(landed, count, epoch, head);
    } catch (error) {
      if (hasCode(error, 'ERR_WAL_SYNC')) this.#latch(error as WalError);
      else this.#rejectLanded(error);
    }
  }

  /**
   * Resolves the first `count` landed appends, unless the log was replaced meanwhile: then they are looked for in the
   * new one.
   */
  #answer(landed: readonly Pending[], count: number, epoch: number, head: Head): void {
    const { stats, durability } = this.#parts;
    let first: Pending | undefined;
    let last: Pending | undefined;
    for (let i = 0; i < count; i++) {
      const pending = landed[i] as Pending;
      if (pending.settled || pending.epoch !== epoch) continue;
      const { seq, ts, duplicate } = pending;
      if (!duplicate) {
        first ??= pending;
        last = pending;
        stats.entries += pending.body.count;
      }
      this.queue.forget(pending);
      pending.settled = true;
      pending.end.resolve(duplicate ? { seq, ts, durability, duplicate } : { seq, ts, durability });
    }
    if (first !== undefined && last !== undefined) this.witness.acknowledged(first, last, head);
    const isAll = this.#landed === landed && landed.length === count;
    this.#landed = isAll ? [] : this.#landed.filter(({ settled }) => !settled);
    if (isAll) this.#landedTo = 0;
  }

  /** Updates the usual time of a sync. A single slow sync among quick ones counts little, unless it is very slow. */
  #pace(ms: number): void {
    const { stats, budget } = this.#parts;
    stats.syncMs.add(ms);
    // A very slow sync sets the average itself, above the budget whatever that is; some quick ones bring it down
    // again.
    if (ms >= STALL_MS) this.#syncMs = Math.max(STALL_MS, Math.min(ms, 2 * budget.mostMs));
    else this.#syncMs += (Math.min(ms, 2 * budget.mostMs) - this.#syncMs) / 8;
  }

  // From here on: rare cases.

  /** Appends, blocking this thread. Appends that were called earlier are written first. */
  appendNow(request: Request): AppendResult {
    let failed: { readonly error: unknown } | undefined;
    let answer: AppendResult | undefined;
    const pending = this.queue.add(request, {
      resolve: (result) => {
        answer = result;
      },
      reject: (error) => {
        failed = { error };
      },
    });
    // A blocking step awaits nothing: when it returns, it is done.
    while (!pending.settled) void this.#step(true);
    if (this.#running === undefined) this.group.rest();
    if (failed !== undefined) throw failed.error;
    return answer as unknown as AppendResult;
  }

  /**
   * Reads the log to its end, throws if acknowledged entries may be missing, and syncs the log, so that even the
   * first line of a Wal that writes only one proves that the lines before it survive a crash. On a file that is
   * already synced this costs some hundredths of a millisecond.
   */
  async begin(): Promise<void> {
    const { store, clock, durability } = this.#parts;
    const { tail } = this;
    this.witness.seek();
    await store.catchUp(tail);
    if (tail.corruption !== undefined) throw tail.corruption;
    if (durability === 'os') return;
    const start = clock.elapsed();
    await store.sync(false);
    this.#pace(clock.elapsed() - start);
    // The Wal is not open yet, so the tail has not moved meanwhile.
    tail.raiseSynced(tail.head.seq);
  }

  /** For a read-only log: checks whether it holds what was acknowledged on this machine. Does not report damage. */
  async look(): Promise<void> {
    if (this.#parts.store.files?.marks.read() === undefined) return;
    this.witness.seek();
    await this.#parts.store.catchUp(this.tail).catch(() => {});
  }

  /** Resolves once no append is in progress. */
  async idle(): Promise<void> {
    while (this.#running || this.group.postponed) {
      await (this.#running ?? this.group.postponed);
    }
  }

  /**
   * Seals the active segment if it has entries, and resolves with the state at its seal once everything up to there
   * is synced. The seal names `fold` as the log's unless another fold was named before it.
   */
  async seal(fold: FoldIdentity): Promise<Sealed> {
    if (this.failure !== undefined) throw latchedError(this.failure);
    const sealed = new Promise<Sealed>((resolve, reject) => {
      this.#seals.push({ fold, ts: this.#parts.clock.now(), resolve, reject });
    });
    this.#running ??= this.#run();
    return sealed;
  }

  /**
   * Syncs the seal, then resolves the callers that wait for it; if the segment was not sealed yet, the next turn
   * seals it.
   */
  async #endSeals(blocks: boolean): Promise<void> {
    const { isSealed, tip, firstSeq, keys, fold } = this.tail;
    if (!isSealed && tip.seq >= firstSeq) return;
    const sealed = { tip, keys: keys.scope, fold };
    const wishes = this.#seals;
    this.#seals = [];
    try {
      const syncing = blocks ? this.#parts.store.files?.blocking.sync() : this.#parts.store.sync(false);
      if (syncing !== undefined) await syncing;
      for (const { resolve } of wishes) resolve(sealed);
    } catch (error) {
      if (hasCode(error, 'ERR_WAL_SYNC')) this.#latch(error as WalError);
      for (const { reject } of wishes) reject(error);
    }
  }

  #failSeals(error: unknown): void {
    for (const { reject } of this.#seals) reject(error);
    this.#seals = [];
  }

  /** Appends an entry that records `fold` as the log's, if none or an earlier version of it is recorded. */
  async recordFold(fold: FoldIdentity): Promise<void> {
    if (!isNews(this.tail.fold, fold)) return;
    const body = foldBody(fold, this.#parts.clock.now());
    await this.append({ body: UNDECIDED, decide: () => (isNews(this.tail.fold, fold) ? body : undefined) });
  }

  /**
   * Reads the keys of older lines if a waiting append has a key and the window reaches further back than was read.
   */
  #readKeys(blocks: boolean): Promise<void> | undefined {
    const { store, clock } = this.#parts;
    const { keys, head } = this.tail;
    const isNeeded = keys.areShort(head.seq) && this.queue.waiting.some(({ body }) => body.key !== undefined);
    if (!isNeeded) return undefined;
    const steps = keys.readOlder(store, head.seq);
    if (!blocks) return waiting(steps, () => clock.yield());
    atOnce(steps);
    return undefined;
  }

  /** The data that a postponed decision waited for was read, or could not be. */
  #resume(pending: Pending): void {
    if (!pending.settled && pending.epoch === undefined) {
      if (this.failure !== undefined) this.queue.reject(pending, latchedError(this.failure));
      else this.queue.putBack([pending]);
    }
    // If its line was found in the log meanwhile, the append is still to be acknowledged.
    this.#running ??= this.#run();
  }

  #noteKeys({ body, seq }: Pending): void {
    const { keys } = this.tail;
    if (body.key !== undefined) keys.add(body.key, { ...body, seq });
    if (body.keyWindow !== undefined) keys.raise(body.keyWindow, seq);
  }

  /** Passes the lines that landed to the listeners. */
  #tell(bytes: Buffer): void {
    let start = 0;
    for (const { endsAt } of this.group.pending) {
      this.tail.tell(bytes, start, endsAt - 1);
      start = endsAt;
    }
  }

  /**
   * A line was read. It may be one of this Wal's: after a torn line, overtaken by others, or in a file that replaced the
   * old one.
   */
  #accepted(line: Envelope): void {
    this.witness.read(line);
    if (line.writer === this.group.sealWriter) this.#parts.sealed();
    const pending = this.queue.ofLine(line.writer);
    if (pending === undefined || pending.epoch !== undefined) return;
    this.#land(pending, line.seq);
  }

  /** The log was replaced: the appends that had landed are looked for in the new one. */
  #replaced(): void {
    this.#parts.stats.replacements++;
    this.witness.seek();
    this.#parts.debug?.('the log was replaced: reading it again');
    const landed = this.#landed;
    this.#landed = [];
    this.#landedTo = 0;
    for (const pending of landed) pending.unland();
    this.queue.putBack(landed);
    // An append may be in the part of the log that is not read; if it were written again, it could be there twice.
    const { firstSeq } = this.tail;
    const message = `The log was replaced, and the part before entry ${firstSeq} was not read again: look for the entry in the log, by its id or key, before appending it again.`;
    for (const pending of [...this.queue.waiting, ...this.queue.aside]) {
      if (pending.lowestSeq >= firstSeq) continue;
      this.queue.reject(pending, new WalError('ERR_WAL_DIVERGED', message, { outcome: 'unknown' }));
    }
  }

  /** The group was cut short, or may not have landed where it was built for. */
  #wroteOtherwise(outcome: WriteOutcome, group: readonly Pending[]): void {
    const { stats } = this.#parts;
    for (const pending of group) pending.writing = false;
    // Those that were not found in the log. After 'unsure' that may be none.
    const missing = group.filter(({ epoch, settled }) => epoch === undefined && !settled);
    if (outcome.kind === 'failed') {
      const { error, written, fatal } = outcome;
      for (const pending of missing) {
        // All of the line but its newline is there: the next writer may add that, and then the line counts.
        const isCut = pending.endsAt - 1 === written;
        this.queue.reject(pending, isCut ? withOutcome(error, 'unknown') : error);
      }
      if (fatal) this.#latch(error);
      this.#failSeals(error);
      return;
    }
    if (missing.length === 0) return;
    stats.retries++;
    stats.superseded += missing.length;
    if (outcome.kind === 'replaced') {
      for (const pending of missing) pending.mayHaveLanded();
      return;
    }
    // Their signals may have aborted during the write.
    this.queue.takeBack(missing);
    for (const pending of missing)
      if (pending.queued && !pending.overtaken()) this.queue.reject(pending, overtakenError(this.tail.head));
  }

  /** The turn failed before anything was written. */
  #turnFailed(error: unknown): void {
    // The previous segment could not be synced through its seal.
    if (hasCode(error, 'ERR_WAL_SYNC')) this.#latch(error as WalError);
    else this.#refuseAll(error);
    this.#failSeals(error);
  }

  /** Rejects all waiting appends: nothing of them was written. */
  #refuseAll(error: unknown): void {
    const failure =
      error instanceof WalError
        ? withOutcome(error, 'not-written')
        : new WalError('ERR_WAL_IO', `The append failed: ${(error as Error)?.message ?? error}`, {
            outcome: 'not-written',
            cause: error,
          });
    if (failure.code === 'ERR_WAL_LOCK_TIMEOUT') this.#parts.stats.timeouts++;
    for (const pending of this.queue.waiting) this.queue.reject(pending, failure);
  }

  /** Rejects the appends that landed: they are in the log, and whether they stay there is unknown. */
  #rejectLanded(error: unknown): void {
    const failure =
      error instanceof WalError ? error : new WalError('ERR_WAL_IO', String(error), { cause: error });
    const landed = this.#landed;
    this.#landed = [];
    this.#landedTo = 0;
    for (const pending of landed) this.queue.reject(pending, withOutcome(failure, 'unknown'));
  }

  /** A failed sync is never tried again: the kernel may have marked pages clean that it could not write. */
  #latch(error: WalError): void {
    this.failure = error;
    this.#rejectLanded(error);
    this.#failSeals(error);
    this.#refuseAll(latchedError(error));
  }
}

function overtakenError(head: Head): WalError {
  const message =
    'Other writers came first at every try, and nothing was appended. Try again later, or raise maxTries.';
  return new WalError('ERR_WAL_CONFLICT', message, { outcome: 'not-written', head, seq: head.seq });
}

/** The error of every call after a failure that may have left the disk and the cache inconsistent. */
export function latchedError(failure: WalError): WalError {
  return new WalError(
    'ERR_WAL_LATCHED',
    `An earlier failure stopped this Wal for good: ${failure.message} Open the log again.`,
    { outcome: 'not-written', cause: failure },
  );
}
