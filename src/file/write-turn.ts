import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { type Outcome, WalError } from '../errors/errors.ts';
import type { Tip } from '../format/chain.ts';
import { META_FILE, segmentName } from '../format/names.ts';
import type { Gate } from '../lock/gate.ts';
import type { Lock } from '../lock/lock.ts';
import type { HolderHint } from '../lock/record.ts';
import { fileError, isRefused } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';
import type { FeedState, LineFeed, Turn, WriteOutcome, WrittenGroup } from '../store/feed.ts';
import type { LogEnd } from './log-end.ts';
import type { SegmentReader } from './segments.ts';

export interface WriteTurnParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  readonly writeLock: WriteLock;
  readonly end: LogEnd;
}

/** The lock of a log, its gate and its hint. */
export interface WriteLock {
  readonly lock: Lock;
  readonly gate: Gate;
  readonly hint: HolderHint | undefined;
}

/** Ends a torn tail for good: no valid line ends with it, so that the tail can never become valid. */
const TORN = Buffer.from('~\n');
const NEWLINE = Buffer.from('\n');
/** After this long without a look, much may have been appended. */
const LONG_AGO_MS = 100;
/** The count of other writers is capped here: one large line of one of them must not pass for a crowd. */
const MOST_OTHERS = 32;
/** The greatest age of the hint that names this process as holder while no other process writes. */
const HINT_MS = 1000;

/**
 * The write turn: what the lock is held for. Apart from the waiting it is synchronous. The lock is released before the
 * sync of what was written, so that others write meanwhile.
 */
export class WriteTurn {
  readonly #parts: WriteTurnParts;
  #hintedAt = -Infinity;
  /** Where this Wal's own last line ends. */
  #leftAt = -1;
  /** How many bytes this Wal wrote then; 0 if that was long ago. */
  #wrote = 0;
  /**
   * How many others write between two turns of this Wal: a moving average of the bytes that they wrote, divided by
   * what this Wal wrote.
   */
  #others = 0;

  constructor(parts: WriteTurnParts) {
    this.#parts = parts;
  }

  /** Undefined if nothing had to be waited for. */
  write(turn: Turn): Promise<void> | undefined {
    const { writeLock, end, clock } = this.#parts;
    const now = clock.elapsed();
    // Much may have been appended since: it is read piece by piece before the turn, rather than while others wait.
    if (now - end.lookedAt > LONG_AGO_MS) return this.#writeLater(turn, 'unread');
    if (!writeLock.gate.take()) return this.#writeLater(turn, 'busy');
    return this.#turn(turn, now) ? undefined : this.#writeLater(turn, 'replaced');
  }

  /** Runs synchronously from when the lock was taken to its release. False if the log was replaced. */
  #turn(turn: Turn, now: number): boolean {
    const { writeLock, end } = this.#parts;
    end.lookedAt = now;
    const { feed } = turn;
    try {
      if (!end.reader.readsOn(feed) && !this.#makeReady(feed)) return false;
      const at = end.reader.state?.end;
      if (at !== this.#leftAt || this.#others > 0) this.#count(at);
      // New lines may be those of others, who then took the lock in between.
      if (at !== this.#leftAt || now - this.#hintedAt > HINT_MS) this.#hint(now);
      const group = turn.build();
      if (group !== undefined) turn.wrote(this.#put(feed, group));
      return true;
    } finally {
      writeLock.gate.leave();
    }
  }

  /**
   * Writes, then looks: if the file grew by exactly what was written, from where it had been read to, no other
   * writer's bytes came between. That is safe without the lock, too: O_APPEND puts each write after all others, and the
   * chain decides which lines count ("What a writer must do", 5, in docs/FORMAT.md;
   * docs/decisions/0001-the-chain-decides.md).
   */
  #put(feed: LineFeed, group: WrittenGroup): WriteOutcome {
    const { reader } = this.#parts.end;
    const { state: before } = reader;
    const file = reader.file ?? reader.opened();
    const { bytes } = group;
    const torn = before !== undefined && before.unterminated > 0;
    const total = torn ? TORN.length + bytes.length : bytes.length;
    let written = 0;
    try {
      written = file.append(torn ? [TORN, bytes] : [bytes]);
    } catch (error) {
      const refused = isRefused(error);
      const failure = fileError(error, 'append to', reader.path, refused ? 'not-written' : 'unknown');
      return { kind: 'failed', error: failure, written: 0, fatal: !refused };
    }
    const end = (before?.end ?? 0) + written;
    // Bytes read after the last line may have been part of another writer's line that is whole by now: then only reading
    // shows whether the group counts.
    const isSure = written === total && (before === undefined || before.resume === before.end);
    try {
      if (!isSure || !file.endsAt(end)) return this.#lookAfter(feed, written, total, bytes.length);
    } catch (error) {
      const failure = fileError(error, 'look after an append to', reader.path, 'unknown');
      return { kind: 'failed', error: failure, written, fatal: true };
    }
    reader.settle(feed.landed(group, end));
    this.#leftAt = end;
    this.#wrote = total;
    return { kind: 'landed' };
  }

  // From here on: rare cases.

  /** A turn that must wait for the lock, must read much first, or found the log replaced. */
  async #writeLater(turn: Turn, first: 'unread' | 'busy' | 'replaced'): Promise<void> {
    const { writeLock, end, clock } = this.#parts;
    const { gate } = writeLock;
    const inTurn = () => this.#turn(turn, clock.elapsed());
    let next: 'unread' | 'busy' | 'replaced' | 'done' = first;
    while (next !== 'done') {
      if (next === 'replaced') await end.settle();
      if (next !== 'busy') {
        this.#wrote = this.#others = 0;
        await end.catchUp(turn.feed);
      }
      const isTaken: boolean = next !== 'busy' && gate.take();
      const isDone: boolean | undefined = isTaken
        ? inTurn()
        : await gate.wait(turn.wanted, inTurn, this.#others);
      next = isDone === false ? 'replaced' : 'done';
    }
  }

  writeNow(turn: Turn): void {
    const { writeLock, end, clock } = this.#parts;
    const { gate } = writeLock;
    if (clock.elapsed() - end.lookedAt > LONG_AGO_MS) this.#wrote = this.#others = 0;
    const inTurn = () => this.#turn(turn, clock.elapsed());
    while (!(gate.take() ? inTurn() : gate.waitNow(inTurn, this.#others))) end.settleNow();
  }

  /** The group was cut short, or may not have landed where it was built for: reads what is there. */
  #lookAfter(feed: LineFeed, written: number, total: number, ofGroup: number): WriteOutcome {
    const { end } = this.#parts;
    const { path } = end.reader;
    const isSame = end.catchUpHere(feed);
    if (written === total) return { kind: isSame ? 'unsure' : 'replaced' };
    // If the file was rewritten meanwhile, the outcome of the group cannot be determined.
    const error = noSpaceError(path, written, total, isSame ? 'not-written' : 'unknown');
    return { kind: 'failed', error, written: written - (total - ofGroup), fatal: false };
  }

  /**
   * Updates the estimate of how many others write: among many, a writer that finds the lock taken waits differently.
   * `at`: where the log ends now.
   */
  #count(at = 0): void {
    if (this.#wrote === 0) return;
    const others = Math.max(0, at - this.#leftAt) / this.#wrote;
    this.#others += (Math.min(others, MOST_OTHERS) - this.#others) / 8;
  }

  #hint(now: number): void {
    const { writeLock, clock } = this.#parts;
    // Without the lock, the hint keeps naming the holder; this Wal's own is due as soon as it has the lock again.
    this.#hintedAt = writeLock.gate.isHeld ? now : -Infinity;
    if (writeLock.gate.isHeld) writeLock.hint?.write(clock.machineNow());
  }

  /**
   * Reads all there is, and makes the end ready for the next line: ends a line that lacks its newline, and makes the
   * next segment after a seal. False if the log was replaced.
   */
  #makeReady(feed: LineFeed): boolean {
    const { end } = this.#parts;
    if (!end.catchUpHere(feed)) return false;
    while (!end.reader.isReady) {
      const { unended, wrapped, tip } = end.reader.state as FeedState;
      if (unended !== undefined || wrapped !== undefined) this.#endLine(end.reader);
      else if (!this.#makeSegment((tip as Tip).seq + 1)) return false;
      if (!end.catchUpHere(feed)) return false;
    }
    return true;
  }

  /**
   * Ends the last line, which was cut exactly before its newline or lost it to an editor. If another writer does so
   * at the same time, an empty line results, which changes nothing; the next read decides whether the line counts. A
   * line with something around it is judged damaged then: ending it as torn would hide the damage.
   */
  #endLine(reader: SegmentReader): void {
    const { path } = reader;
    let written: number;
    try {
      written = reader.opened().append([NEWLINE]);
    } catch (error) {
      throw fileError(error, 'append to', path, 'not-written');
    }
    if (written === 0) throw noSpaceError(path, 0, NEWLINE.length, 'not-written');
  }

  /**
   * Makes the segment after the sealed one. The name of a segment says that the one before it and that one's name are
   * synced, so both are synced first; otherwise a crash could leave a log with a gap. False if another log is
   * replacing this one; that log would not have the segment.
   */
  #makeSegment(firstSeq: number): boolean {
    const { storage, directory, end } = this.#parts;
    const path = join(directory, segmentName(firstSeq));
    const meta = join(directory, META_FILE);
    end.syncNow();
    try {
      const before = storage.look(meta);
      if (before === undefined) return false;
      storage.open(path, 'append', end.reader.opened().look()).close();
      // A salvage that replaced wal.json in between may not have seen the segment.
      return storage.look(meta)?.inode === before.inode;
    } catch (error) {
      throw fileError(error, 'make', path, 'not-written');
    }
  }
}

function noSpaceError(path: string, written: number, total: number, outcome: Outcome): WalError {
  const message = `${path} took ${written} of ${total} bytes: the disk, a quota or the file-size limit is full. Make room and append again.`;
  return new WalError('ERR_WAL_NO_SPACE', message, { outcome });
}
