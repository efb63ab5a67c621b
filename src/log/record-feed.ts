import type { Damage } from '../errors/damage.ts';
import { WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import { type Envelope, GENESIS_CRC } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import { type LogRecord, recordsOf, singleRecord } from '../format/record.ts';
import { ChainFeed } from './chain-feed.ts';

export interface RecordRange {
  /** First seq wanted. */
  readonly first: number;
  /** Last seq wanted. */
  readonly last: number;
  /** The entry that must precede `first`. */
  readonly cursor: Head | undefined;
}

/** Whether it is the head of a log without entries. */
function isBeginning({ seq, crc }: Head): boolean {
  return seq === 0 && crc === GENESIS_CRC;
}

/** Turns what a store feeds into the records of a range. */
export class RecordFeed extends ChainFeed {
  readonly #range: RecordRange;
  readonly #skipping: boolean;
  readonly #settledBy: number;
  #records: LogRecord[] = [];
  #met: boolean;
  #failure: WalError | undefined;
  #repair = 0;
  /** Total size of the lines whose records were read so far. */
  bytes = 0;

  /**
   * `skipping`: also take records after proof that entries are missing. `settledBy`: the seq of a repair that settles
   * such proof before it.
   */
  constructor(range: RecordRange, skipping: boolean, settledBy = 0) {
    super();
    this.#range = range;
    this.#skipping = skipping;
    this.#settledBy = settledBy;
    this.#met = range.cursor === undefined || isBeginning(range.cursor);
  }

  /** The first entry wanted. */
  get first(): number {
    return this.#range.first;
  }

  /** Whether the cursor was found. */
  get met(): boolean {
    return this.#met;
  }

  /** The error that ends reading for good, after the records before it. */
  get failure(): WalError | undefined {
    return this.#failure;
  }

  /** The error at the present end, which may disappear when the tail is read again. */
  get doubt(): WalError | undefined {
    return this.#skipping ? undefined : this.corruption;
  }

  /** The seq of the last repair that was read; 0 for none. */
  get repair(): number {
    return this.#repair;
  }

  /** The highest seq that is synced according to the lines. */
  get synced(): number {
    return this.scan.chain.synced;
  }

  /** The records read since the last call. */
  take(): LogRecord[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }

  override accepted(line: Envelope, bytes: Buffer, start: number, end: number, offset: number): void {
    if (line.repair) this.#repair = line.seq;
    if (this.#failure !== undefined) return;
    if (!this.#skipping && line.seq >= this.#settledBy) this.#failure = this.failureSoFar;
    if (!this.#met) this.#meet(line);
    const { first, last } = this.#range;
    if (this.#failure !== undefined || line.seq + line.count <= first || line.seq > last) return;
    this.bytes += end - start;
    try {
      if (!line.batch) {
        this.#records.push(singleRecord(line, bytes, start, end));
        return;
      }
      const records = recordsOf(line, bytes, start, end);
      if (this.#records.length === 0 && line.seq >= first) this.#records = records;
      else for (const record of records) if (record.seq >= first) this.#records.push(record);
    } catch (error) {
      if (!this.#skipping)
        this.#failure = unreadableError(
          line,
          segmentName(this.scan.chain.firstSeq),
          offset,
          end - start,
          error,
        );
    }
  }

  /** Checks whether this line holds the record that the cursor names. */
  #meet(line: Envelope): void {
    const { cursor } = this.#range;
    if (cursor === undefined || cursor.seq >= line.seq + line.count) return;
    if (cursor.crc === line.crc) this.#met = true;
    else this.#failure = divergedError(cursor);
  }
}

/** The error for an accepted line that is not JSON. */
export function unreadableError(
  line: Envelope,
  segment: string,
  offset: number,
  length: number,
  cause: unknown,
): WalError {
  const { seq, count } = line;
  const place = { segment, offset, length: length + 1 };
  const held = { from: seq, to: seq + count - 1, records: count, exact: true };
  const damage: Damage = { kind: 'unreadable', ...place, ...held, acknowledged: 'unknown' };
  return new WalError(
    'ERR_WAL_CORRUPT',
    `Entry ${seq} (${segment}, byte ${offset}) has a correct checksum but is not JSON, so that it was not written by this package. To continue without it, read past the damage ("jsonl-wal read --on-damage skip").`,
    { segment, offset, seq, cause, damage },
  );
}

/** The error for a cursor that is not in the log (any more). */
export function divergedError(cursor: Head): WalError {
  return new WalError(
    'ERR_WAL_DIVERGED',
    `The log has no entry ${cursor.seq} with crc ${cursor.crc} (any more): the log was replaced, as by a checkout or a restore. Read it again from the beginning.`,
    { seq: cursor.seq },
  );
}
