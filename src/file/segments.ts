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
/** Of a longer last accepted line, only the beginning is read again. */
const MOST_KNOWN_BYTES = CHUNK_BYTES / 2;
const CRC_END = CRC_OFFSET + CRC_LENGTH;

/**
 * Reads the segments of a directory one after the other, and continues where they grow. It keeps its file open, so
 * that it can read to the end of what it began with; `whereabouts` reports whether the path leads elsewhere.
 */
export class SegmentReader {
  readonly #place: LogPlace;
  readonly #access: 'read' | 'append-existing';
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #crc = Buffer.alloc(CRC_END);
  /** The open file; see `opened`. */
  file: StorageFile | undefined;
  /**
   * For a writer: a second descriptor of the same segment, for a sync while another sync of `file` is in progress. It
   * was opened before `file`: the system reports a failed write-back once to each descriptor open at the time, so
   * that this one receives every report that `file` does. See "What this rests on", 9, in docs/DURABILITY.md.
   */
  second: StorageFile | undefined;
  #identity: FileLook | undefined;
  /** Size of the file at the last look: a read that ends earlier was cut short by the disk. */
  #leastSize = 0;
  /** First seq of the segment. */
  firstSeq: number;
  #before: Before | undefined;
  path: string;
  /** State of the feed; undefined until it was given all there is. */
  state: FeedState | undefined;
  /** Offset of the next byte to read. */
  #position = 0;
  #begun = false;
  /**
   * Whether this is the log's last file. surely: the last listing showed no later file (or only a damaged snapshot,
   * which is ignored). perhaps: it showed one, and the next listing decides. Undefined before the first listing.
   */
  #isLast: 'perhaps' | 'surely' | undefined;
  /** Whether the segment after this one exists: then the seal that ends this one needs no newline. */
  #isPast = false;
  #replaced: boolean;

  /** `replaced`: this reader succeeds one whose log was replaced. */
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

  /** Whether a line can be appended as it is: the last line has its newline, and the segment is not sealed. */
  get isReady(): boolean {
    const state = this.state;
    if (state === undefined) return true;
    const isLineOpen = state.unended !== undefined || state.wrapped !== undefined;
    return !isLineOpen && !(state.sealed && state.tip !== undefined);
  }

  /** The file, opened by the first call. */
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

  /** Throws ERR_WAL_COMPACTED if a snapshot covers this segment: it was deleted since it was listed. */
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

  /** The first line of a snapshot; undefined if it is damaged. */
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
    // The segment was compacted away, and a writer that slept through that made a file of the same name. The open
    // file ends with its seal, and a snapshot covers all of it.
    const { seq = 0 } = this.state?.tip ?? {};
    return this.#newestSnapshot >= Math.max(seq, this.firstSeq) ? 'gone' : 'replaced';
  }

  /** Whether the snapshot at the seal that was read here covers other entries. */
  get #isContradicted(): boolean {
    const { sealed, tip } = this.state ?? {};
    if (!sealed || tip === undefined) return false;
    const header = this.#headerOf(tip.seq);
    return header !== undefined && header.seal !== tip.link;
  }

  /** Whether this segment was read to its seal, and a snapshot ends exactly there: then the file may be deleted. */
  get isCovered(): boolean {
    const { sealed, tip } = this.state ?? {};
    if (!sealed || this.#isContradicted) return false;
    return this.#layout.snapshots.some((seq) => seq === tip?.seq);
  }

  /**
   * Feeds what was appended since, if that is at most one piece and a line can then be appended as it is. False if
   * there is more to do, perhaps because of an error.
   */
  readsOn(feed: LineFeed): boolean {
    const { state } = this;
    // Only more lines can follow: the last listing showed no later file.
    if (state === undefined || state.sealed || this.#isLast !== 'surely') return false;
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

  /**
   * Before an acknowledgement: whether the path still leads to the open file, and the last accepted line is there, byte
   * for byte. False also if that is too much to read again: the caller then reads all that is there.
   */
  holdsLastLine(): boolean {
    const { state } = this;
    try {
      const known = state === undefined ? 0 : this.#known(state);
      return known > 0 && this.#readAgain(state as FeedState, known) > 0;
    } catch {
      // The full read that follows reports what is wrong.
      return false;
    }
  }

  /**
   * How many bytes there are from the beginning of the last accepted line to where reading continues; 0 if there is
   * no such line, or there are many.
   */
  #known({ anchor, resume }: FeedState): number {
    if (anchor === undefined || this.#position !== resume) return 0;
    const known = resume - anchor.offset;
    return known <= MOST_KNOWN_BYTES ? known : 0;
  }

  /** Reads from the last accepted line on; 0 if that line changed, or the path leads to another file. */
  #readAgain({ anchor }: FeedState, known: number): number {
    if (this.file === undefined || this.whereabouts() !== 'here') return 0;
    const count = this.file.read(this.#chunk, this.#position - known);
    return count >= known && isLineOf(this.#chunk, known, anchor?.crc) ? count : 0;
  }

  // From here on: rare cases.

  /** Feeds one chunk. 'replaced': the file is not the one that was read before, and nothing was fed. */
  read(feed: LineFeed): Progress {
    if (!this.#begun) {
      feed.begin(this.firstSeq, this.#before, this.#replaced);
      this.#begun = true;
      this.#replaced = false;
      this.#position = 0;
    }
    // A log that was not written to yet, or not since it was compacted, may have no segment.
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
    // Zeros may be a page still being written, of a line that is whole at the next look. If reading continued after
    // them, that line would be judged torn, and the next line would follow nothing. So before reading continues, they
    // are read once more.
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
    // The file with the next segment's name may belong to a log that replaced this one.
    if (this.whereabouts() === 'replaced') return 'replaced';
    this.#goTo(next);
    return 'more';
  }

  #hasMore(known: number, count: number): boolean {
    return known + count === CHUNK_BYTES || (count > 0 && this.#position + count < this.#leastSize);
  }

  /** Reads from `from` on: the known bytes in as many reads as it takes, and then once for new ones. */
  #fill(from: number, known: number): number {
    const file = this.opened();
    const first = file.read(this.#chunk, from);
    if (first >= known) return first;
    const count = first + readFully(file, this.#chunk.subarray(first, known), from + first);
    return count < known ? count : count + file.read(this.#chunk.subarray(known), from + known);
  }

  /**
   * How many bytes to read again before those that may be new, so that the same read shows whether the last accepted
   * line is still there: a file may be rewritten in place, or cut. Undefined if it is not.
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

  /** Whether the bytes read where the last accepted line began are still the first bytes of that line. */
  #beginsAsRead(bytes: Buffer, count: number): boolean {
    const { anchor } = this.state as FeedState;
    return count >= CRC_END && bytes.toString('latin1', CRC_OFFSET, CRC_END) === anchor?.crc;
  }

  /**
   * For the mark: whether the path still leads to the open file, and the last accepted line still begins there, by its
   * crc. True also in a segment that was read to its end and has no accepted line.
   */
  get holdsAnchor(): boolean {
    if (this.file === undefined || this.state === undefined || this.whereabouts() !== 'here') return false;
    const { anchor, resume } = this.state;
    if (anchor === undefined) return this.#leastSize >= resume;
    return this.#beginsAsRead(this.#crc, readFully(this.file, this.#crc, anchor.offset));
  }

  /** Records the state of the feed. */
  settle(state: FeedState): void {
    this.state = state;
    this.#position = state.resume;
  }

  /** After a seal: the next segment, if it exists. */
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
    this.#isLast = undefined;
    this.#isPast = false;
  }

  /**
   * At the end of the chain: true if later files exist nevertheless and must be looked at once more, because a next
   * segment may just have been made. If they are still there then, they belong to another log, segments are missing,
   * or this one was compacted away.
   */
  #sees(): boolean {
    const { sealed, tip, end } = this.state as FeedState;
    if (this.#isLast === 'surely' && !sealed) return false;
    const layout = this.#layout;
    const reached = sealed && tip !== undefined ? tip.seq : this.firstSeq;
    const stray = layout.segments.find((seq) => seq > reached);
    const snapshots = layout.snapshots.filter((seq) => (sealed ? seq > reached : seq >= reached));
    if (stray === undefined && snapshots.length === 0) {
      this.#isLast = 'surely';
      return false;
    }
    // The segment may have been sealed while it was read.
    if (this.#isLast !== 'perhaps' || (this.file?.size() ?? 0) > end) {
      this.#isLast = 'perhaps';
      return true;
    }
    if (stray !== undefined && snapshots.length === 0)
      throw gapError(this.#place, layout, stray, tip && { seq: tip.seq, sealed, end });
    if (stray !== undefined || snapshots.some((seq) => this.#headerOf(seq) !== undefined))
      throw this.#compactedError(reached + (sealed ? 1 : 0));
    // The snapshot is damaged, and no segment follows it: it is ignored.
    this.#isLast = 'surely';
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
