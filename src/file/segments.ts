import { join } from 'node:path';
import { hasCode, type WalError } from '../errors/errors.ts';
import { CRC_LENGTH, CRC_OFFSET, isLineOf, NEWLINE } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { gapError } from '../layout/gap.ts';
import { layoutOf, oldestSeq, type Start } from '../layout/layout.ts';
import type { Layout, LogPlace } from '../layout/log-place.ts';
import { readHeader } from '../layout/snapshots.ts';
import { fileError } from '../storage/error.ts';
import { readFully } from '../storage/files.ts';
import type { FileLook, StorageFile } from '../storage/storage.ts';
import type { Before, FeedState, LineFeed } from '../store/feed.ts';
import { compactedError } from '../store/refusals.ts';
import type { Progress } from '../store/store.ts';

const CHUNK_BYTES = 256 * 1024;
/** Of a last accepted line that is longer, only the beginning is read again. */
const MOST_KNOWN_BYTES = CHUNK_BYTES / 2;
const CRC_END = CRC_OFFSET + CRC_LENGTH;

/**
 * Reads the segments of a directory one after the other, and goes on reading where they grow. It keeps its file open,
 * so that it reads to the end of what it began with, and `replaced` tells when the path leads elsewhere.
 */
export class SegmentReader {
  readonly #place: LogPlace;
  readonly #access: 'read' | 'append-existing';
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #crc = Buffer.alloc(CRC_END);
  /** The open file; see `opened`. */
  file: StorageFile | undefined;
  /**
   * Of a writer: the same segment once more, for a sync while another sync of `file` is under way. It was opened before `file`: the system
   * reports a failed write-back once to each descriptor that was open by then, so that it reports to this one all that it reports to `file`.
   */
  second: StorageFile | undefined;
  #identity: FileLook | undefined;
  /** How long the file was when it was looked at last: a read that ends before was cut short by the disk. */
  #leastSize = 0;
  /** First seq of the segment. */
  firstSeq: number;
  #before: Before | undefined;
  path: string;
  /** Where the feed stands; undefined before it was given all there is. */
  state: FeedState | undefined;
  /** Offset of the next byte to read. */
  #position = 0;
  #begun = false;
  #arrived: 'perhaps' | 'surely' | undefined;
  /** Whether the segment after this one is there: then the seal at its end needs no newline. */
  #isPast = false;
  #replaced: boolean;

  /** `replaced`: this reader takes over from one whose log was replaced. */
  constructor(
    place: LogPlace,
    access: 'read' | 'append-existing',
    { firstSeq, before }: Start,
    replaced = false,
  ) {
    this.#place = place;
    this.#access = access;
    this.firstSeq = firstSeq;
    this.#before = before;
    this.path = this.#pathOf(firstSeq);
    this.#replaced = replaced;
  }

  /** Whether a line can be put at the end as it is: the line before has its newline, and the segment was not ended. */
  get isReady(): boolean {
    const state = this.state;
    if (state === undefined) return true;
    const isLineOpen = state.unended !== undefined || state.wrapped !== undefined;
    return !isLineOpen && !(state.sealed && state.tip !== undefined);
  }

  /** The file, which the first call opens. */
  opened(): StorageFile {
    if (this.file === undefined) {
      try {
        if (this.#access === 'append-existing') this.#openSecond();
        this.file = this.#place.storage.open(this.path, this.#access);
        this.#identity = this.file.look();
        this.#leastSize = this.#identity.size;
        if (this.second?.look().inode !== this.#identity.inode) this.#closeSecond();
      } catch (error) {
        this.#closeSecond();
        if (hasCode(error, 'ENOENT')) this.#refuseCompacted();
        throw fileError(error, 'open', this.path);
      }
    }
    return this.file;
  }

  /** Throws ERR_WAL_COMPACTED where a snapshot stands for this segment: it was deleted since it was listed. */
  #refuseCompacted(): void {
    if (this.#newestSnapshot >= this.firstSeq) throw this.#compactedError(this.firstSeq);
  }

  #compactedError(from: number): WalError {
    return compactedError(from, oldestSeq(this.#place));
  }

  get #newestSnapshot(): number {
    return this.#layout.snapshots.at(-1) ?? 0;
  }

  get #layout(): Layout {
    return layoutOf(this.#place.storage, this.#place.directory);
  }

  /** The first line of a snapshot; undefined where that is damaged. */
  #headerOf(seq: number): SnapshotHeader | undefined {
    const { storage, directory, log } = this.#place;
    return readHeader(storage, directory, seq, log);
  }

  /** Whether the path still leads to the open file. */
  whereabouts(): 'here' | 'gone' | 'replaced' {
    const now = this.#place.storage.look(this.path);
    const was = this.#identity;
    if (now !== undefined && was !== undefined && now.inode === was.inode && now.device === was.device) {
      this.#leastSize = now.size;
      return 'here';
    }
    return this.#whereaboutsOf(now);
  }

  #whereaboutsOf(now: FileLook | undefined): 'here' | 'gone' | 'replaced' {
    if (this.file === undefined) {
      if (now === undefined) return 'here';
      this.opened();
      const { inode, device } = this.#identity as FileLook;
      if (now.inode === inode && now.device === device) return 'here';
    }
    if (this.#isContradicted) return 'replaced';
    if (now === undefined) return 'gone';
    // Compacted away, and its name made anew by a writer that slept through that: what is open here ends in its seal, and
    // a snapshot stands for all of it.
    const { seq = 0 } = this.state?.tip ?? {};
    return this.#newestSnapshot >= Math.max(seq, this.firstSeq) ? 'gone' : 'replaced';
  }

  /** Whether the snapshot that is named by the seal which was read here is of other entries. */
  get #isContradicted(): boolean {
    const { sealed, tip } = this.state ?? {};
    if (!sealed || tip === undefined) return false;
    const header = this.#headerOf(tip.seq);
    return header !== undefined && header.seal !== tip.link;
  }

  /** Whether this segment was read to its seal, and a snapshot stands for just that: then its file may go. */
  get isCovered(): boolean {
    const { sealed, tip } = this.state ?? {};
    if (!sealed || this.#isContradicted) return false;
    return this.#layout.snapshots.some((seq) => seq === tip?.seq);
  }

  /**
   * Feeds what came since, where that is no more than a piece, after which a line can be put at the end as it is. False where there is more
   * to do, perhaps because it failed.
   */
  readsOn(feed: LineFeed): boolean {
    const { state } = this;
    // Nothing but more lines can come here: no later file was there when they were listed.
    if (state === undefined || state.sealed || this.#arrived !== 'surely') return false;
    try {
      const known = this.#known(state);
      const count = known > 0 ? this.#readAgain(state, known) : 0;
      if (count === 0 || count === CHUNK_BYTES || this.#position - known + count < this.#leastSize)
        return false;
      if (count === known && state.end === state.resume) return true;
      feed.push(this.#chunk.subarray(known, count));
      const now = feed.pause();
      this.settle(now);
      return !now.sealed && now.unended === undefined && now.wrapped === undefined;
    } catch {
      return false;
    }
  }

  /** Whether the path still leads to the open file, and the last accepted line lies there, to the byte. */
  stillHolds(): boolean {
    const { state } = this;
    try {
      const known = state === undefined ? 0 : this.#known(state);
      return known > 0 && this.#readAgain(state as FeedState, known) > 0;
    } catch {
      // What is wrong is told by who reads all that is there.
      return false;
    }
  }

  /** How many bytes lie from the last accepted line to where reading goes on; 0 where there is none, or they are many. */
  #known({ anchor, resume }: FeedState): number {
    if (anchor === undefined || this.#position !== resume) return 0;
    const known = resume - anchor.offset;
    return known <= MOST_KNOWN_BYTES ? known : 0;
  }

  /** Reads from the last accepted line on; 0 where that is not the one any more, or the file is not the one at the path. */
  #readAgain({ anchor }: FeedState, known: number): number {
    if (this.file === undefined || this.whereabouts() !== 'here') return 0;
    const count = this.file.read(this.#chunk, this.#position - known);
    return count >= known && isLineOf(this.#chunk, known, anchor?.crc) ? count : 0;
  }

  // From here on: what is rare.

  /** Feeds one chunk. 'replaced': the file is not the one any more that was read before, and nothing was fed. */
  read(feed: LineFeed): Progress {
    if (!this.#begun) {
      feed.begin(this.firstSeq, this.#before, this.#replaced);
      this.#begun = true;
      this.#replaced = false;
      this.#position = 0;
    }
    // A log that nobody wrote to yet, or not since it was compacted, may have no segment.
    if (
      this.file === undefined &&
      this.#access === 'read' &&
      this.#place.storage.look(this.path) === undefined
    ) {
      this.settle(feed.pause());
      return this.#sees() ? 'more' : 'end';
    }
    const known = this.#knownBytes();
    if (known === undefined) return 'replaced';
    const from = this.#position - known;
    let count = this.#fill(from, known) - known;
    // Zeros may be a page on its way, of a line that is whole by the next look: going on behind them would take that line for torn,
    // and the next for one that follows nothing. So where it goes on, they are read once more.
    if (this.#hasMore(known, count) && this.#chunk.subarray(known, known + count).includes(0))
      count = this.#fill(from, known) - known;
    if (count < 0) return 'replaced';
    if (known > 0) {
      const { anchor } = this.state as FeedState;
      if (!isLineOf(this.#chunk, known + count, anchor?.crc)) return 'replaced';
    }
    if (count > 0) feed.push(this.#chunk.subarray(known, known + count));
    const hasMore = this.#hasMore(known, count);
    this.#position += count;
    if (hasMore) return 'more';
    if (this.#isPast) feed.push(Buffer.of(NEWLINE));
    const state = feed.pause();
    this.settle(state);
    if (state.unended?.isSeal && this.#place.storage.look(this.#pathOf(state.unended.next)) !== undefined) {
      this.#isPast = true;
      return 'more';
    }
    const next = this.#next;
    if (next === undefined) return this.#sees() ? 'more' : 'end';
    // What bears the next one's name may be the next one of the log that took this one's place.
    if (this.whereabouts() === 'replaced') return 'replaced';
    this.#goTo(next);
    return 'more';
  }

  #hasMore(known: number, count: number): boolean {
    return known + count === CHUNK_BYTES || (count > 0 && this.#position + count < this.#leastSize);
  }

  /** Reads from there on: what is known to be there as often as it takes, and once what may have come. */
  #fill(from: number, known: number): number {
    const file = this.opened();
    const first = file.read(this.#chunk, from);
    if (first >= known) return first;
    const count = first + readFully(file, this.#chunk.subarray(first, known), from + first);
    return count < known ? count : count + file.read(this.#chunk.subarray(known), from + known);
  }

  /**
   * How many bytes to read again, before those that may be new, so that the same call tells whether the last accepted line
   * is still there: a file may be rewritten in place, or cut. Undefined where it is not.
   */
  #knownBytes(): number | undefined {
    const state = this.state;
    if (state === undefined || this.#position !== state.resume || state.resume === 0) return 0;
    if (state.anchor === undefined) return this.opened().size() < state.resume ? undefined : 0;
    const known = state.resume - state.anchor.offset;
    if (known <= MOST_KNOWN_BYTES) return known;
    if (this.opened().size() < state.resume) return undefined;
    return this.#beginsAsRead(this.#crc, readFully(this.opened(), this.#crc, state.anchor.offset))
      ? 0
      : undefined;
  }

  /** Whether bytes read where the last accepted line began are still the first of that line. */
  #beginsAsRead(bytes: Buffer, count: number): boolean {
    const { anchor } = this.state as FeedState;
    return count >= CRC_END && bytes.toString('latin1', CRC_OFFSET, CRC_END) === anchor?.crc;
  }

  /** Whether the path still leads to the open file, and the last accepted line that was read is still there. */
  get holds(): boolean {
    if (this.file === undefined || this.state === undefined || this.whereabouts() !== 'here') return false;
    const { anchor, resume } = this.state;
    if (anchor === undefined) return this.#leastSize >= resume;
    return this.#beginsAsRead(this.#crc, readFully(this.file, this.#crc, anchor.offset));
  }

  /** Notes where the feed stands. */
  settle(state: FeedState): void {
    this.state = state;
    this.#position = state.resume;
  }

  /** After a seal: the segment that comes next, if it is there. */
  get #next(): Start | undefined {
    const { sealed, tip } = this.state as FeedState;
    if (!sealed || tip === undefined) return undefined;
    const firstSeq = tip.seq + 1;
    return this.#place.storage.look(this.#pathOf(firstSeq)) && { firstSeq, before: tip };
  }

  #pathOf(firstSeq: number): string {
    return join(this.#place.directory, segmentName(firstSeq));
  }

  #goTo({ firstSeq, before }: Start): void {
    this.close();
    this.firstSeq = firstSeq;
    this.#before = before;
    this.path = this.#pathOf(firstSeq);
    this.state = undefined;
    this.#begun = false;
    this.#arrived = undefined;
    this.#isPast = false;
  }

  /**
   * At the end of what follows: true where later files are there all the same, to be looked at once more (a next segment
   * may just have been made). If they stay, they are not this log's, segments are missing, or this one was compacted away.
   */
  #sees(): boolean {
    const { sealed, tip, end } = this.state as FeedState;
    if (this.#arrived === 'surely' && !sealed) return false;
    const layout = this.#layout;
    const reached = sealed && tip !== undefined ? tip.seq : this.firstSeq;
    const stray = layout.segments.find((seq) => seq > reached);
    const snapshots = layout.snapshots.filter((seq) => (sealed ? seq > reached : seq >= reached));
    if (stray === undefined && snapshots.length === 0) {
      this.#arrived = 'surely';
      return false;
    }
    // It may have grown to its seal while it was read.
    if (this.#arrived !== 'perhaps' || (this.file?.size() ?? 0) > end) {
      this.#arrived = 'perhaps';
      return true;
    }
    if (stray !== undefined && snapshots.length === 0)
      throw gapError(this.#place, layout, stray, tip && { seq: tip.seq, sealed, end });
    if (stray !== undefined || snapshots.some((seq) => this.#headerOf(seq) !== undefined))
      throw this.#compactedError(reached + (sealed ? 1 : 0));
    // Damaged, and nothing goes on from it: it is passed over.
    this.#arrived = 'surely';
    return false;
  }

  #openSecond(): void {
    try {
      this.second = this.#place.storage.open(this.path, this.#access);
    } catch {
      // Only the sync that needs it fails.
    }
  }

  #closeSecond(): void {
    this.second?.close();
    this.second = undefined;
  }

  close(): void {
    this.file?.close();
    this.file = undefined;
    this.#closeSecond();
    this.#identity = undefined;
  }
}
