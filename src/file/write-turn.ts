import { join } from 'node:path';
import { type Outcome, WalError } from '../errors/errors.ts';
import { META_FILE, segmentName } from '../format/names.ts';
import type { Gate } from '../lock/gate.ts';
import { fileError, isRefused } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';
import type { Build, LineFeed, WriteOutcome } from '../store/store.ts';
import type { LogEnd } from './log-end.ts';
import type { SegmentReader } from './segments.ts';

export interface WriteTurnParts {
  readonly storage: Storage;
  readonly directory: string;
  readonly gate: Gate;
  readonly end: LogEnd;
}

/** Ends a torn tail for good: no line ends in it, so the tail can never become valid. */
const TORN = Buffer.from('~\n');
const NEWLINE = Buffer.from('\n');

/** The write turn: what the lock is held for. All of it but the waiting is one synchronous stretch. */
export class WriteTurn {
  readonly #parts: WriteTurnParts;

  constructor(parts: WriteTurnParts) {
    this.#parts = parts;
  }

  async write(feed: LineFeed, build: Build, wanted: () => boolean): Promise<WriteOutcome> {
    const { gate, end } = this.#parts;
    for (;;) {
      // Much may have come since: better read before the turn, piece by piece, than while others wait.
      if (end.wasLongAgo) await end.catchUp(feed);
      const outcome = await gate.enter(wanted, () => this.#turn(feed, build));
      if (outcome === undefined) return { kind: 'nothing' };
      if (outcome !== 'elsewhere') return outcome;
      await end.settle();
      await end.catchUp(feed);
    }
  }

  writeNow(feed: LineFeed, build: Build): WriteOutcome {
    const { gate, end } = this.#parts;
    for (;;) {
      const outcome = gate.enterNow(() => this.#turn(feed, build));
      if (outcome !== 'elsewhere') return outcome;
      end.settleNow();
    }
  }

  #turn(feed: LineFeed, build: Build): WriteOutcome | 'elsewhere' {
    if (!this.#parts.end.catchUpHere(feed) || !this.#reachEnd(feed)) return 'elsewhere';
    const group = build();
    return group === undefined ? { kind: 'nothing' } : this.#put(feed, group);
  }

  /** Goes to where the next line is put: after a line that is whole and lacks its newline, and after a seal. False where the log was replaced. */
  #reachEnd(feed: LineFeed): boolean {
    const { end } = this.#parts;
    for (;;) {
      const state = end.reader.state;
      if (state?.unended !== undefined || state?.wrapped !== undefined) this.#endLine(end.reader);
      else if (!state?.sealed || state.tip === undefined) return true;
      else if (!this.#makeSegment(state.tip.seq + 1)) return false;
      if (!end.catchUpHere(feed)) return false;
    }
  }

  /**
   * Ends the last line, which was cut exactly before its newline, or lost that to an editor. Whoever else does so at the same
   * time leaves an empty line, which changes nothing; what is read next tells whether the line counts. One that has something
   * around it is damaged then: to end it as torn would bury it.
   */
  #endLine({ file, path }: SegmentReader): void {
    let written: number;
    try {
      written = file.append([NEWLINE]);
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
      storage.open(path, 'append', end.reader.file.look()).close();
      // A salvage that took it away in between may not have seen the segment.
      return storage.look(meta)?.inode === before.inode;
    } catch (error) {
      throw fileError(error, 'make', path, 'not-written');
    }
  }

  #put(feed: LineFeed, bytes: Buffer): WriteOutcome {
    const { end: place } = this.#parts;
    const { reader } = place;
    const before = reader.state;
    const torn = before !== undefined && before.unterminated > 0;
    const total = bytes.length + (torn ? TORN.length : 0);
    let written: number;
    let whole: boolean;
    try {
      written = reader.file.append(torn ? [TORN, bytes] : [bytes]);
    } catch (error) {
      const refused = isRefused(error);
      const outcome = refused ? 'not-written' : 'unknown';
      return {
        kind: 'failed',
        error: fileError(error, 'append to', reader.path, outcome),
        written: 0,
        fatal: !refused,
      };
    }
    try {
      // Nobody can have come between if the file grew by just this, from where it was read to. But what was read there
      // after the last line may have been another's line on its way, and be whole by now.
      const end = (before?.end ?? 0) + written;
      const isSure = before === undefined || before.resume === before.end;
      if (isSure && written === total && reader.file.endsAt(end)) {
        reader.settle(feed.landed(end));
        return { kind: 'landed' };
      }
      whole = place.catchUpHere(feed);
    } catch (error) {
      return {
        kind: 'failed',
        error: fileError(error, 'look after an append to', reader.path, 'unknown'),
        written,
        fatal: true,
      };
    }
    if (written === total) return { kind: whole ? 'overtaken' : 'replaced' };
    // In a file that was rewritten meanwhile nobody can say what became of it.
    const error = noSpaceError(reader.path, written, total, whole ? 'not-written' : 'unknown');
    return { kind: 'failed', error, written: written - (total - bytes.length), fatal: false };
  }
}

function noSpaceError(path: string, written: number, total: number, outcome: Outcome): WalError {
  const message = `${path} took ${written} of ${total} bytes: the disk, a quota or the file-size limit is full. Make room and append again.`;
  return new WalError('ERR_WAL_NO_SPACE', message, { outcome });
}
