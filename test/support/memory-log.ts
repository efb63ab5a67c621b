import { systemClock } from '../../src/clock/clock.ts';
import type { Meta } from '../../src/format/meta.ts';
import type { SnapshotHeader } from '../../src/format/snapshot.ts';

const POLL_MS = 20;

/** Lines that were put down together, and the segment that their writer had read to. */
export interface Message {
  readonly segment: number;
  readonly bytes: Buffer;
}

/** What a server holds of a log. */
export class Stream {
  /** By their numbers, from 1. */
  readonly messages = new Map<number, Message>();
  last = 0;
  /** Oldest first. */
  snapshots: { readonly header: SnapshotHeader; readonly body: Buffer }[] = [];
  /** All up to this entry was trimmed. */
  trimmed = 0;

  /** What a backup of it holds. */
  copy(): Stream {
    const copy = new Stream();
    for (const [number, message] of this.messages) copy.messages.set(number, message);
    return Object.assign(copy, { last: this.last, snapshots: this.snapshots, trimmed: this.trimmed });
  }
}

/** A log on a server, which knows nothing of chains: it takes messages from everybody at any time, in the order in which they come. */
export class MemoryLog {
  readonly meta: Meta;
  /** The way to the server, or back. */
  readonly hop: () => Promise<void>;
  #stream = new Stream();
  readonly #waiting = new Set<() => void>();

  constructor(meta: Meta, hop: () => Promise<void>) {
    this.meta = meta;
    this.hop = hop;
  }

  get stream(): Stream {
    return this.#stream;
  }

  /** The server comes back with what it held before, or with something else. */
  set stream(stream: Stream) {
    this.#stream = stream;
    this.#tell();
  }

  publish(message: Message): number {
    this.#stream.messages.set(++this.#stream.last, message);
    this.#tell();
    return this.#stream.last;
  }

  #tell(): void {
    for (const wake of this.#waiting) wake();
  }

  /** What came after a reader's last look, and before this call, is seen in time all the same. */
  async changed(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#waiting.add(wake);
    await systemClock.sleep(POLL_MS, AbortSignal.any([signal, woken.signal]));
    this.#waiting.delete(wake);
  }
}
