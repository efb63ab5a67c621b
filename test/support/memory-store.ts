import { type WalError, withOutcome } from '../../src/errors/errors.ts';
import { GENESIS_CRC } from '../../src/format/line.ts';
import type { SnapshotHeader } from '../../src/format/snapshot.ts';
import type { Before, FeedState, LineFeed, Turn } from '../../src/store/feed.ts';
import {
  closedError,
  compactedError,
  deletedError,
  refuseOtherFold,
  replacedError,
} from '../../src/store/refusals.ts';
import type { SnapshotFile } from '../../src/store/snapshot-file.ts';
import type { LineReader, LineStore, LogWatch, StoreInfo } from '../../src/store/store.ts';
import type { MemoryLog, Stream } from './memory-log.ts';

const GENESIS: Before = { link: GENESIS_CRC, crc: GENESIS_CRC };
/** What the server takes in a message, but for a seal and for a line that is longer by itself. */
export const MOST_BYTES = 4096;
/** So many messages are read at a time. */
const PIECE = 10;

/** Reads a stream from the beginning of a segment on. */
class Cursor {
  readonly stream: Stream;
  readonly #before: Before;
  readonly #replaced: boolean;
  #begun = false;
  /** First seq of the segment that it is in. */
  segment: number;
  /** Number of the next message. */
  next = 1;
  /** Where the feed stood when it was given all there was. */
  state: FeedState | undefined;

  /** Begins behind the last snapshot before entry `from`. Throws ERR_WAL_COMPACTED where there is none, and the beginning was trimmed. */
  constructor(stream: Stream, from: number, replaced = false) {
    const header = stream.snapshots.findLast(({ header: { head } }) => head.seq < from)?.header;
    if (header === undefined && stream.trimmed > 0) throw compactedError(from, stream.trimmed + 1);
    this.stream = stream;
    this.segment = (header?.head.seq ?? 0) + 1;
    this.#before = header
      ? { link: header.seal, crc: header.head.crc, keys: header.keys, fold: header.fold }
      : GENESIS;
    this.#replaced = replaced;
  }

  /** Feeds so many messages. False where they were trimmed. */
  feed(feed: LineFeed, most: number): boolean {
    if (this.segment <= this.stream.trimmed) return false;
    if (!this.#begun) feed.begin(this.segment, this.#before, this.#replaced);
    this.#begun = true;
    for (let left = most; left > 0 && this.next <= this.stream.last; left--) {
      const message = this.stream.messages.get(this.next++);
      if (message === undefined) continue;
      if (message.segment > this.segment) this.goOn(feed, feed.pause());
      // Of a segment before: its writer had not read the seal.
      if (message.segment === this.segment) feed.push(message.bytes);
    }
    if (this.next > this.stream.last) this.state = feed.pause();
    return true;
  }

  /** After a seal, goes on to the next segment. */
  goOn(feed: LineFeed, { sealed, tip }: FeedState): void {
    if (!sealed || tip === undefined) return;
    this.segment = tip.seq + 1;
    feed.begin(this.segment, tip, false);
  }
}

/** A LineStore on such a log, as a client of its server: without a lock, and without an answer at once. */
export class MemoryStore implements LineStore {
  readonly #log: MemoryLog;
  readonly groupBytes = MOST_BYTES;
  readonly segmentBytes: number;
  readonly files = undefined;
  #end: Cursor | undefined;
  /** What was begun last of that which needs the writer's feed. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(log: MemoryLog, segmentBytes: number) {
    this.#log = log;
    this.segmentBytes = segmentBytes;
  }

  catchUp(feed: LineFeed): Promise<void> {
    return this.#afterThat(async () => {
      await this.#log.hop();
      this.#bringUp(feed);
    });
  }

  confirm(feed: LineFeed): Promise<void> {
    return this.catchUp(feed);
  }

  #afterThat(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  #bringUp(feed: LineFeed): Cursor {
    const { stream } = this.#log;
    const isReplaced = this.#end !== undefined && this.#end.stream !== stream;
    if (this.#end === undefined || isReplaced) this.#end = new Cursor(stream, Infinity, isReplaced);
    if (this.#end.feed(feed, Infinity)) return this.#end;
    this.#end = new Cursor(stream, Infinity);
    this.#end.feed(feed, Infinity);
    return this.#end;
  }

  write(turn: Turn): Promise<void> {
    return this.#afterThat(async () => {
      await this.#log.hop();
      const end = this.#bringUp(turn.feed);
      end.goOn(turn.feed, end.state as FeedState);
      end.state = turn.feed.pause();
      const group = turn.build();
      if (group === undefined) return;
      const message = { segment: end.segment, bytes: Buffer.from(group.bytes) };
      let number: number | undefined;
      try {
        await this.#log.hop();
        number = this.#log.publish(message);
        await this.#log.hop();
      } catch (failure) {
        const error = withOutcome(failure as WalError, number === undefined ? 'not-written' : 'unknown');
        turn.wrote({ kind: 'failed', error, written: 0, fatal: false });
        return;
      }
      const isSame = this.#log.stream === end.stream;
      if (isSame && number === end.next) {
        end.next++;
        end.state = turn.feed.landed(group, (end.state as FeedState).end + message.bytes.length);
        turn.wrote({ kind: 'landed' });
      } else {
        this.#bringUp(turn.feed);
        turn.wrote({ kind: isSame ? 'unsure' : 'replaced' });
      }
    });
  }

  sync(): Promise<void> {
    return this.#log.hop();
  }

  reader(from: number, follow: boolean): LineReader {
    if (this.#closing.signal.aborted) throw closedError();
    const { stream } = this.#log;
    const cursor = new Cursor(stream, Math.max(1, from));
    return {
      read: async (feed) => {
        await this.#log.hop();
        if (this.#closing.signal.aborted) throw closedError();
        if (follow && this.#log.stream !== stream) return 'replaced';
        if (!cursor.feed(feed, PIECE)) throw compactedError(cursor.segment, stream.trimmed + 1);
        return cursor.next > stream.last ? 'end' : 'more';
      },
      sync: () => this.#log.hop(),
      close: () => {},
    };
  }

  watch(): LogWatch {
    const changed = (signal: AbortSignal) =>
      this.#log.changed(AbortSignal.any([signal, this.#closing.signal]));
    return { changed, close: () => {} };
  }

  async oldest(): Promise<number> {
    await this.#log.hop();
    return this.#log.stream.trimmed + 1;
  }

  async snapshots(): Promise<SnapshotHeader[]> {
    await this.#log.hop();
    return this.#log.stream.snapshots.map(({ header }) => header).reverse();
  }

  async openSnapshot(header: SnapshotHeader): Promise<SnapshotFile> {
    await this.#log.hop();
    const { crc } = header.body.index;
    const body = this.#log.stream.snapshots.find((each) => each.header.body.index.crc === crc)?.body;
    const path = `snapshot ${header.head.seq}`;
    if (body === undefined) throw deletedError(path, header);
    const read = (offset: number, bytes: number) => Buffer.from(body.subarray(offset, offset + bytes));
    return { path, bytes: body.length, read, close: () => {} };
  }

  async putSnapshot(header: SnapshotHeader, pieces: Iterable<Buffer>): Promise<void> {
    await this.#log.hop();
    const { stream } = this.#log;
    const { seq } = header.head;
    if (stream.trimmed >= seq) throw compactedError(seq, stream.trimmed + 1);
    const seal = `{"crc":"${header.seal}"`;
    if (![...stream.messages.values()].some(({ bytes }) => bytes.includes(seal)))
      throw replacedError(this.info().location, header);
    const others = stream.snapshots.filter((each) => each.header.head.seq !== seq);
    refuseOtherFold(header, stream.snapshots.find((each) => !others.includes(each))?.header);
    stream.snapshots = [...others, { header, body: Buffer.concat([...pieces]) }];
    stream.snapshots.sort((a, b) => a.header.head.seq - b.header.head.seq);
  }

  async trim(seq: number): Promise<void> {
    await this.#log.hop();
    const { stream } = this.#log;
    stream.trimmed = Math.max(seq, stream.trimmed);
    stream.snapshots = stream.snapshots.filter(({ header }) => header.head.seq >= seq);
    for (const [number, { segment }] of stream.messages) if (segment <= seq) stream.messages.delete(number);
  }

  info(): StoreInfo {
    return { ...this.#log.meta, location: 'memory', lock: undefined, sync: 'none' };
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }
}
