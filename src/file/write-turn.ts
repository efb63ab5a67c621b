import { join } from 'node:path';
import { WalError } from '../errors/errors.ts';
import { META_FILE, segmentName } from '../format/names.ts';
import type { Gate } from '../lock/gate.ts';
import { fileError, isFull } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';
import type { Build, LineFeed, WriteOutcome } from '../store/store.ts';
import type { LogEnd } from './log-end.ts';

export interface WriteTurnParts {
  readonly storage: Storage;
  readonly directory: string;
  readonly fileMode: number;
  readonly gate: Gate;
  readonly end: LogEnd;
}

/** Ends a torn tail for good: no line ends in it, so the tail can never become valid. */
const TORN = Buffer.from('~\n');

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
    if (!this.#parts.end.catchUpHere(feed) || !this.#roll(feed)) return 'elsewhere';
    const group = build();
    return group === undefined ? { kind: 'nothing' } : this.#put(feed, group);
  }

  /**
   * Makes the next segment where the last one was sealed, and goes on there, which may be sealed by then, too. Its name
   * tells all that the last one is synced, and its name too: else a crash could leave a log with a gap.
   */
  #roll(feed: LineFeed): boolean {
    const { storage, directory, fileMode, end } = this.#parts;
    for (;;) {
      const state = end.reader.state;
      if (!state?.sealed || state.head === undefined) return true;
      const path = join(directory, segmentName(state.head.seq + 1));
      end.syncNow();
      try {
        // Another log is taking this one's place, which would not have the segment.
        if (storage.look(join(directory, META_FILE)) === undefined) return false;
        storage.open(path, 'append', fileMode).close();
      } catch (error) {
        throw fileError(error, 'make', path, 'not-written');
      }
      if (!end.catchUpHere(feed)) return false;
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
      const full = isFull(error);
      const outcome = full ? 'not-written' : 'unknown';
      return {
        kind: 'failed',
        error: fileError(error, 'append to', reader.path, outcome),
        written: 0,
        fatal: !full,
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
    const message = `${reader.path} took ${written} of ${total} bytes: the disk, a quota or the file-size limit is full. Make room and append again.`;
    // In a file that was rewritten meanwhile nobody can say what became of it.
    const error = new WalError('ERR_WAL_NO_SPACE', message, { outcome: whole ? 'not-written' : 'unknown' });
    return { kind: 'failed', error, written: written - (total - bytes.length), fatal: false };
  }
}
