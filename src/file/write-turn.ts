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

/** The lock of a log, and the way to it. */
export interface WriteLock {
  readonly lock: Lock;
  readonly gate: Gate;
  readonly hint: HolderHint | undefined;
}

/** Ends a torn tail for good: no line ends in it, so the tail can never become valid. */
const TORN = Buffer.from('~\n');
const NEWLINE = Buffer.from('\n');
/** After so long without a look much may have come. */
const LONG_AGO_MS = 100;
/** More than so many others are not told apart: one large line of one of them must not pass for a crowd. */
const MOST_OTHERS = 32;
/** The hint that names this process as the lock's holder is as old as that at most, while nobody else writes. */
const HINT_MS = 1000;

/** The write turn: what the lock is held for. All of it but the waiting is one synchronous stretch. */
export class WriteTurn {
  readonly #parts: WriteTurnParts;
  #hintedAt = -Infinity;
  /** Where this Wal's own last line ends. */
  #leftAt = -1;
  /** How many bytes it wrote then; 0 where that was long ago. */
  #wrote = 0;
  /** How many others write between two turns of this Wal: a moving average of their bytes, by what it wrote itself. */
  #others = 0;

  constructor(parts: WriteTurnParts) {
    this.#parts = parts;
  }

  /** Undefined where nothing had to be waited for. */
  write(turn: Turn): Promise<void> | undefined {
    const { writeLock, end, clock } = this.#parts;
    const now = clock.elapsed();
    // Much may have come since: better read before the turn, piece by piece, than while others wait.
    if (now - end.lookedAt > LONG_AGO_MS) return this.#writeLater(turn, 'unread');
    if (!writeLock.gate.take()) return this.#writeLater(turn, 'busy');
    return this.#turn(turn, now) ? undefined : this.#writeLater(turn, 'replaced');
  }

  /** All of it is one stretch, from where the lock was taken to its release. False where the log was replaced. */
  #turn(turn: Turn, now: number): boolean {
    const { writeLock, end } = this.#parts;
    end.lookedAt = now;
    const { feed } = turn;
    try {
      if (!end.reader.readsOn(feed) && !this.#makeReady(feed)) return false;
      const at = end.reader.state?.end;
      if (at !== this.#leftAt || this.#others > 0) this.#count(at);
      // What came was perhaps written by others, who then took the lock.
      if (at !== this.#leftAt || now - this.#hintedAt > HINT_MS) this.#hint(now);
      const group = turn.build();
      if (group !== undefined) turn.wrote(this.#put(feed, group));
      return true;
    } finally {
      writeLock.gate.leave();
    }
  }

  /** Writes and looks: nobody can have come between if the file grew by just this, from where it was read to. */
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
    // What was read after the last line may have been another's line on its way, and be whole by now.
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

  // From here on: what is rare.

  /** A turn that has to be waited for, that there is much to read before, or that found the log replaced. */
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

  /** The group did not land where it was made for, or not whole: reads what lies there. */
  #lookAfter(feed: LineFeed, written: number, total: number, ofGroup: number): WriteOutcome {
    const { end } = this.#parts;
    const { path } = end.reader;
    const isSame = end.catchUpHere(feed);
    if (written === total) return { kind: isSame ? 'overtaken' : 'replaced' };
    // In a file that was rewritten meanwhile nobody can say what became of it.
    const error = noSpaceError(path, written, total, isSame ? 'not-written' : 'unknown');
    return { kind: 'failed', error, written: written - (total - ofGroup), fatal: false };
  }

  /** Learns how many others there are: with many, who finds the lock taken waits in another way. `at`: where the log ends now. */
  #count(at = 0): void {
    if (this.#wrote === 0) return;
    const others = Math.max(0, at - this.#leftAt) / this.#wrote;
    this.#others += (Math.min(others, MOST_OTHERS) - this.#others) / 8;
  }

  #hint(now: number): void {
    const { writeLock, clock } = this.#parts;
    // Without the lock the hint goes on naming who has it: this Wal's is due as soon as it has the lock again.
    this.#hintedAt = writeLock.gate.isHeld ? now : -Infinity;
    if (writeLock.gate.isHeld) writeLock.hint?.write(clock.machineNow());
  }

  /** Reads all there is, and goes to where the next line can be put: after a line that is whole and lacks its newline, and after a seal. False where the log was replaced. */
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
   * Ends the last line, which was cut exactly before its newline, or lost that to an editor. Whoever else does so at the same
   * time leaves an empty line, which changes nothing; what is read next tells whether the line counts. One that has something
   * around it is damaged then: to end it as torn would bury it.
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
   * Makes the segment that comes after the last one, which was sealed. Its name tells all that the last one is synced, and
   * its name too: else a crash could leave a log with a gap. False where another log is taking this one's place, which
   * would not have the segment.
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
      // A salvage that took it away in between may not have seen the segment.
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
