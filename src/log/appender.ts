import type { Clock } from '../clock/clock.ts';
import { hasCode, type WalError } from '../errors/errors.ts';
import { foldBody } from '../format/entry.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { scopeAtStart } from '../format/key-scope.ts';
import type { Envelope } from '../format/line.ts';
import type { Rewind } from '../format/mark.ts';
import type { LineStore, WriteOutcome } from '../store/store.ts';
import type { Backlog } from './backlog.ts';
import { UNDECIDED } from './decision.ts';
import { GroupMaker } from './group-maker.ts';
import { KeyWindow } from './key-window.ts';
import { KnownKeys } from './known-keys.ts';
import { Landed } from './landed.ts';
import type { AppendResult, Pending, Request } from './pending.ts';
import { abortedError, Queue, type QueueParts } from './queue.ts';
import { latchedError, Refusals } from './refusals.ts';
import { type Sealed, Sealing } from './sealing.ts';
import { Stretch } from './stretch.ts';
import { Tail } from './tail.ts';
import { Witness } from './witness.ts';

export interface AppenderParts extends QueueParts {
  readonly store: LineStore;
  readonly clock: Clock;
  /** Called when a seal of this Wal's has landed. */
  sealed(): void;
  /** Called, within a turn perhaps, where entries that were acknowledged on this machine are found to be gone. */
  rewound(rewind: Rewind): void;
  /** Where the turns are told to, if anywhere. */
  readonly debug: ((message: string) => void) | undefined;
}

/** Writes what callers append, in groups: takes its turn, hands over what landed to be acknowledged, and tells what failed. */
export class Appender {
  readonly #parts: AppenderParts;
  readonly tail: Tail;
  readonly #queue: Queue;
  readonly #keys: KnownKeys;
  readonly #maker: GroupMaker;
  /** The group of a write whose outcome was not heard yet. */
  #unheard: readonly Pending[] = [];
  #running: Promise<void> | undefined;
  readonly #stretch: Stretch;
  readonly #sealing: Sealing;
  readonly #landed: Landed;
  readonly #refusals: Refusals;
  readonly witness: Witness;
  #failure: WalError | undefined;

  constructor(parts: AppenderParts) {
    this.#parts = parts;
    this.#stretch = new Stretch(parts.clock);
    const queue = new Queue(parts);
    this.#queue = queue;
    this.#refusals = new Refusals(queue, parts.stats);
    const { keyWindow, fold } = parts.store.info();
    const window = new KeyWindow(scopeAtStart(keyWindow));
    const tail = new Tail(window, fold, {
      accepted: (line) => this.#accepted(line),
      landed: (end) => this.#groupLanded(end),
      replaced: () => this.#replaced(),
      caughtUp: (state) => this.witness.caughtUp(state),
    });
    this.tail = tail;
    this.witness = new Witness({
      ...parts,
      tail,
      busy: () => this.#running !== undefined,
      rewound: (rewind) => parts.rewound(rewind),
    });
    this.#keys = new KnownKeys(window, tail, parts.store);
    this.#sealing = new Sealing(tail);
    this.#maker = new GroupMaker({
      ...parts,
      tail,
      queue,
      keys: this.#keys,
      sealing: this.#sealing,
      land: (pending, seq) => this.#land(pending, seq),
      ready: (pending) => this.#resume(pending),
    });
    this.#landed = new Landed({
      ...parts,
      tail,
      resolve: (pending) => queue.resolve(pending),
      reject: (pending, error) => queue.reject(pending, error),
      acknowledged: (pending, head) => this.witness.acknowledged(pending, head),
      syncFailed: (error) => this.#latch(error),
    });
  }

  /** The memory that all hold that is on its way, landed or not. */
  get backlog(): Backlog {
    return this.#queue.backlog;
  }

  /** The failure after which nothing more can be appended. */
  get failure(): WalError | undefined {
    return this.#failure;
  }

  /** True while a decision is being taken: nothing may be asked of the log then. */
  get deciding(): boolean {
    return this.#maker.deciding;
  }

  /** Resolves with undefined where it was decided to append nothing. */
  append(request: Request): Promise<AppendResult | undefined> {
    const { signal } = request;
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    return new Promise((resolve, reject) => {
      this.#queue.add(request, { resolve, reject });
      this.#start();
    });
  }

  appendNow(request: Request): AppendResult {
    let failed: { readonly error: unknown } | undefined;
    let answer: AppendResult | undefined;
    const pending = this.#queue.add(request, {
      resolve: (result) => {
        answer = result;
      },
      reject: (error) => {
        failed = { error };
      },
    });
    while (!pending.settled) this.#stepNow();
    if (this.#running === undefined) this.#maker.group.rest();
    if (failed !== undefined) throw failed.error;
    return answer as unknown as AppendResult;
  }

  #start(): void {
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  /**
   * Reads the log to its end, refuses one where acknowledged entries may be missing, and syncs it: so that even the first
   * line of a Wal that writes only one proves that what it follows is kept. On a file that is synced already this
   * costs some hundredths of a millisecond.
   */
  async begin(): Promise<void> {
    const { store, durability } = this.#parts;
    this.witness.seek();
    await store.catchUp(this.tail);
    if (this.tail.trouble !== undefined) throw this.tail.trouble;
    if (durability === 'os') return;
    await this.#landed.begin();
  }

  /** Of a log that is only read: whether it holds what was acknowledged on this machine. Tells nothing of damage. */
  async look(): Promise<void> {
    if (this.#parts.store.marks.read() === undefined) return;
    this.witness.seek();
    await this.#parts.store.catchUp(this.tail).catch(() => {});
  }

  /**
   * Ends the segment that is being written, if it has entries, and resolves with the tip that its seal leaves, once all
   * up to there is synced. The seal names `fold` as the log's, where no other is named before it.
   */
  async seal(fold: FoldIdentity): Promise<Sealed> {
    if (this.#failure !== undefined) throw latchedError(this.#failure);
    const sealed = this.#sealing.want(fold);
    this.#start();
    return sealed;
  }

  /** Appends an entry that records the fold as the log's, where none is recorded, or an earlier version of it. */
  async recordFold(fold: FoldIdentity): Promise<void> {
    const isNews = () => recordedFold(this.tail.fold, fold) !== this.tail.fold;
    if (!isNews()) return;
    const body = foldBody(fold, this.#parts.clock.now());
    await this.append({ body: UNDECIDED, decide: () => (isNews() ? body : undefined) });
  }

  readonly #keepSeal = async (): Promise<void> => {
    try {
      await this.#parts.store.sync(false);
    } catch (error) {
      if (hasCode(error, 'ERR_WAL_SYNC')) this.#latch(error as WalError);
      throw error;
    }
  };

  /** Resolves once nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#running || this.#maker.postponed) {
      await (this.#running ?? this.#maker.postponed);
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
        } catch (error) {
          this.#turnFailed(error);
          this.#sealing.fail(error);
        } finally {
          this.#unheard = [];
        }
        // Before the next turn, which would sync the same file: the system tells of a failure once.
        await this.#sealing.look(this.#keepSeal);
      }
      if (!this.#landed.isEmpty) await this.#landed.acknowledge(this.#queue.size === 0);
    }
    this.#running = undefined;
    this.#maker.group.rest();
  }

  #stepNow(): void {
    const { store } = this.#parts;
    if (this.#queue.size > 0) {
      try {
        if (this.#lacksKeys) this.#keys.readOlderNow();
        const outcome = store.writeNow(this.tail, () => this.#maker.make());
        this.#wrote(outcome, this.#maker.group.pending);
        // Else every further append of this stretch would end its segment, too.
        if (outcome.kind !== 'failed') void this.#sealing.look(this.#keepSeal);
      } catch (error) {
        this.#turnFailed(error);
      }
    }
    if (!this.#landed.isEmpty) this.#landed.acknowledgeNow();
  }

  readonly #wanted = (): boolean => this.#queue.size > 0 || this.#sealing.isWanted;

  /** Before `write` is heard of, other code may run, and append or abort. */
  readonly #buildUnheard = (): Buffer | undefined => {
    const bytes = this.#maker.make();
    this.#unheard = this.#maker.group.pending;
    return bytes;
  };

  /** What an append waited for that could not be decided was read, or could not be. */
  #resume(pending: Pending): void {
    if (!pending.settled && pending.epoch === undefined) {
      if (this.#failure !== undefined) this.#queue.reject(pending, latchedError(this.#failure));
      else this.#queue.putBack([pending]);
    }
    // Where its line turned up meanwhile, that is yet to be acknowledged.
    this.#start();
  }

  get #lacksKeys(): boolean {
    return this.#queue.waiting.some(({ body }) => this.#keys.cannotTell(body.key));
  }

  #groupLanded(end: number): void {
    const { pending, tip, lastLineBytes, sealed, fold } = this.#maker.group;
    this.tail.advance(tip, end - lastLineBytes, sealed);
    if (fold !== undefined) this.tail.hearFold(fold);
    if (this.tail.isHeard) this.#tell();
    for (const each of pending) {
      this.#land(each, each.seq);
      this.tail.hear(each.body, each.seq);
    }
    if (sealed) this.#parts.sealed();
  }

  #tell(): void {
    const { group } = this.#maker;
    const tell = (bytes: Buffer, start: number, end: number) => this.tail.tell(bytes, start, end);
    for (let i = 0; i < group.count; i++) group.show(i, tell);
  }

  #land(pending: Pending, seq: number): void {
    pending.landed(seq, this.tail.epoch);
    this.#queue.take(pending);
    this.#landed.add(pending);
  }

  /** A line was read: perhaps one of ours, overtaken by others, or in a file that took the old one's place. */
  #accepted(line: Envelope): void {
    this.witness.read(line);
    const pending = this.#queue.ofLine(line.writer);
    if (pending === undefined || pending.epoch !== undefined) return;
    this.#land(pending, line.seq);
  }

  #replaced(): void {
    this.#parts.stats.replacements++;
    this.witness.seek();
    this.#parts.debug?.('the log was replaced: reading it anew');
    this.#queue.putBack(this.#landed.unland());
    this.#refusals.refuseHidden(this.tail.firstSeq);
  }

  #wrote(outcome: WriteOutcome, group: readonly Pending[]): void {
    if (outcome.kind === 'nothing') return;
    const { stats, debug } = this.#parts;
    for (const pending of group) pending.writing = false;
    const lost = group.filter(({ epoch, settled }) => epoch === undefined && !settled);
    stats.batches++;
    stats.bytes += group.at(-1)?.end ?? 0;
    if (outcome.kind === 'failed') {
      this.#refusals.refuseWrite(outcome, lost);
      if (outcome.fatal) this.#latch(outcome.error);
      return;
    }
    if (outcome.kind === 'replaced') for (const pending of lost) pending.mayHaveLanded();
    debug?.(`wrote ${group.length} lines from ${group[0]?.seq}: ${outcome.kind}`);
    if (lost.length > 0) {
      stats.retries++;
      stats.superseded += lost.length;
      if (outcome.kind === 'replaced') return;
      // Their signals may have aborted while they were being written.
      this.#queue.takeBack(lost);
      this.#refusals.refuseOvertaken(lost, this.tail.head);
    }
  }

  /** Nothing of it was written. */
  #turnFailed(error: unknown): void {
    // The segment before could not be synced through its seal.
    if (hasCode(error, 'ERR_WAL_SYNC')) this.#latch(error as WalError);
    else this.#refusals.refuseAll(error);
  }

  /** A failed sync is never tried again: the kernel may have marked the pages clean that it could not write. */
  #latch(error: WalError): void {
    this.#failure = error;
    this.#landed.reject(error);
    this.#sealing.fail(error);
    this.#refusals.refuseAll(latchedError(error));
  }
}
