import { hasCode, WalError } from '../errors/errors.ts';
import { segmentName } from '../format/names.ts';
import type { Tail } from '../log/tail.ts';
import { CatchUpBuffer, RecentLines } from './catch-up-buffer.ts';
import type { Fold } from './fold.ts';
import { inSegment } from './fold-item.ts';
import { type LoadParts, loadState } from './load.ts';
import type { Change } from './overlay.ts';
import { recordsIn } from './records.ts';
import { Speculation } from './speculation.ts';
import { State } from './state.ts';

export interface ReplicaParts extends LoadParts {
  readonly tail: Tail;
}

/** Lines that are not asked for are folded in once they hold more bytes than this, so that they need not be kept. */
const MOST_BYTES = 1024 * 1024;
/** If the log is replaced or compacted while it is read, it is read again, after a pause, up to so many times. */
const MOST_LOADS = 8;
const LOAD_AGAIN_MS = 25;

/** Is told about the changes of a state. */
export interface Watcher<V> {
  changed(changes: readonly Change<V>[]): void;
  /** The state was loaded again; `before` must not be used after this call. */
  reloaded(before: State<V>, after: State<V>): void;
}

/** A state that follows the log's tail. Lines are kept unparsed until the state is asked for. */
export class Replica<V> {
  readonly #parts: ReplicaParts;
  readonly fold: Fold<V>;
  readonly speculation = new Speculation<V>();
  #state: State<V>;
  #buffer = new CatchUpBuffer(0, () => {});
  #stopListening = () => {};
  #loading: Promise<void> | undefined;
  #folding = false;
  #failure: unknown;
  #closed = false;
  readonly watchers = new Set<Watcher<V>>();

  private constructor(parts: ReplicaParts, fold: Fold<V>) {
    this.#parts = parts;
    this.fold = fold;
    this.#state = new State(fold);
  }

  static async open<V>(parts: ReplicaParts, fold: Fold<V>): Promise<Replica<V>> {
    const replica = new Replica(parts, fold);
    await replica.reload();
    return replica;
  }

  /** The state at the tail; if the log was replaced, or a record cannot be folded in, the state before that. */
  get state(): State<V> {
    this.foldIn();
    return this.#state;
  }

  /** The error that keeps the state from following the tail, if there is one. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether the state must be loaded again: it cannot follow the tail, or its snapshot is damaged. */
  get isBehind(): boolean {
    return this.#buffer.isInterrupted || this.#state.isDamaged;
  }

  /** Folds in the buffered lines. */
  foldIn(): void {
    // While a fold runs, a look at its own table sees the state before the lines.
    if (this.#buffer.isEmpty || this.#folding) return;
    this.#folding = true;
    for (const { line, segment, envelope } of this.#buffer.take()) {
      try {
        const changes: Change<V>[] | undefined = this.watchers.size > 0 ? [] : undefined;
        this.#state.applyLine(recordsIn(line, 0, line.length, segment, envelope), changes);
        if (changes !== undefined) for (const watcher of this.watchers) watcher.changed(changes);
      } catch (error) {
        this.#failure = inSegment(error, segmentName(segment));
        this.#buffer.ignore();
        break;
      }
    }
    this.#folding = false;
  }

  /** Brings the state to where the log is now. */
  async refresh(): Promise<void> {
    await this.#catchUp();
    if (this.isBehind) await this.reload();
    this.foldIn();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #catchUp(): Promise<void> {
    const { store, tail } = this.#parts;
    await store.catchUp(tail);
    if (tail.corruption === undefined) return;
    // What looks damaged at the end may be a line that is being written: it is read a second time.
    await store.catchUp(tail);
    if (tail.corruption !== undefined) throw tail.corruption;
  }

  /** Makes the state again, from a snapshot and the lines after it. */
  reload(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        if (await this.#loadOnce()) return;
        if (tries === MOST_LOADS) throw restlessError();
      } catch (error) {
        const passing = hasCode(error, 'ERR_WAL_COMPACTED', 'ERR_WAL_DIVERGED', 'ERR_WAL_NOT_FOUND');
        if (!passing || tries === MOST_LOADS) throw error;
      }
      await this.#parts.clock.sleep(LOAD_AGAIN_MS);
    }
  }

  /** False if the log was replaced meanwhile. */
  async #loadOnce(): Promise<boolean> {
    const { store, tail, clock } = this.#parts;
    const snapshots = await store.snapshots();
    if (snapshots[0] !== undefined) tail.observeSnapshot(snapshots[0]);
    const recent = new RecentLines();
    const stopRecording = tail.listen(recent);
    try {
      await this.#catchUp();
    } finally {
      stopRecording();
    }
    const { head } = tail;
    const buffer = new CatchUpBuffer(MOST_BYTES, () => void clock.yield().then(() => this.foldIn()));
    const stop = tail.listen(buffer);
    let state: State<V> | undefined;
    try {
      state = await loadState(this.#parts, this.fold, snapshots, head, {
        whole: this.#state.isDamaged,
        recent: recent.lines,
      });
      // Only if the log was not replaced meanwhile was it the one that was read.
      await this.#catchUp();
      if (buffer.isInterrupted || state.seq !== head.seq) return false;
      if (!this.#closed) this.#adopt(state, buffer, stop);
      return true;
    } finally {
      if (buffer !== this.#buffer) stop();
      if (state !== this.#state) state?.close();
    }
  }

  #adopt(state: State<V>, buffer: CatchUpBuffer, stop: () => void): void {
    const before = this.#state;
    for (const watcher of this.watchers) watcher.reloaded(before, state);
    this.#stopListening();
    this.#stopListening = stop;
    this.#state = state;
    before.close();
    this.#buffer = buffer;
    this.#failure = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#state.close();
  }
}

function restlessError(): WalError {
  return new WalError(
    'ERR_WAL_DIVERGED',
    'The log was replaced again and again while its state was read: find out what does that, and open the table again.',
  );
}
