import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import type { Doubt, Head, Missing } from '../format/chain.ts';
import type { Envelope } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import { recordsOf } from '../format/record.ts';
import type { DamageCause, Misfit, Verdict } from '../format/verdict.ts';
import type { FeedState, LineStore } from '../store/store.ts';
import { ChainFeed } from './chain-feed.ts';
import { troubleError } from './trouble.ts';

/** A line that does not count, and where it lies. */
export interface OddLine {
  readonly verdict: Exclude<Verdict, 'accepted'> | 'unreadable';
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  /** For a damaged line, why, where it is known. */
  readonly cause?: DamageCause;
  /** For a crc-valid line, the number it claims. */
  readonly seq?: number;
}

/** Entries that a later line proves to have been acknowledged, and that are not in the log. */
export interface MissingRange {
  readonly from: number;
  readonly to: number;
  /** The line that proves it. */
  readonly segment: string;
  readonly offset: number;
  /** True where a repair was appended since: the log is in use again without them. */
  readonly settled: boolean;
}

export interface VerifyReport {
  /** True unless acknowledged entries are missing or may be: every reader and writer can go on. */
  readonly ok: boolean;
  readonly head: Head;
  /** Accepted entries. */
  readonly entries: number;
  readonly bytes: number;
  /** Lines of each verdict. */
  readonly lines: Readonly<Record<Verdict | 'unreadable', number>>;
  readonly segments: readonly { readonly name: string; readonly entries: number; readonly bytes: number }[];
  readonly missing: readonly MissingRange[];
  /** What lies in the log beside accepted lines: the first 1,000 of them. */
  readonly odd: readonly OddLine[];
  /** The error that reading the whole log, or opening it to append, ends in; undefined where there is none. */
  readonly error: WalError | undefined;
}

const MOST_LISTED = 1000;

/** Reads the whole log and says what is in it. Other work of this thread goes on between two pieces. */
export async function verifyLog(
  store: LineStore,
  clock: Clock,
  onProgress?: (bytes: number) => void,
): Promise<VerifyReport> {
  const feed = new VerifyFeed();
  const reader = store.reader(await store.oldest(), false);
  let error: WalError | undefined;
  try {
    while ((await reader.read(feed)) === 'more') {
      onProgress?.(feed.bytesRead);
      await clock.yield();
    }
  } catch (failure) {
    if (!(failure instanceof WalError) || failure.code !== 'ERR_WAL_DIVERGED') throw failure;
    error = failure;
  } finally {
    reader.close();
  }
  return feed.report(error);
}

class VerifyFeed extends ChainFeed {
  readonly #lines = {
    accepted: 0,
    superseded: 0,
    stranded: 0,
    pending: 0,
    torn: 0,
    damaged: 0,
    unreadable: 0,
  };
  readonly #odd: OddLine[] = [];
  readonly #missing: Mutable<MissingRange>[] = [];
  readonly #segments: { name: string; entries: number; bytes: number }[] = [];
  bytesRead = 0;
  #proof: Missing | undefined;
  /** Offset up to which the segment's odd lines are listed: its end may be read twice. */
  #listed = 0;
  #unreadable: WalError | undefined;
  #strange: WalError | undefined;

  override begin(firstSeq: number, follows: string | undefined, replaced: boolean): void {
    super.begin(firstSeq, follows, replaced);
    this.#proof = undefined;
    this.#listed = 0;
    this.#segments.push({ name: segmentName(firstSeq), entries: 0, bytes: 0 });
  }

  override push(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    super.push(bytes);
  }

  override pause(): FeedState {
    const { end, unterminated } = this.finish();
    this.#look();
    const state = super.pause();
    if (unterminated > 0)
      this.#list({ verdict: 'pending', offset: end - unterminated, length: unterminated });
    this.#segment.bytes = end;
    return state;
  }

  get #segment() {
    return this.#segments.at(-1) as { name: string; entries: number; bytes: number };
  }

  protected override accepted(
    line: Envelope,
    bytes: Buffer,
    start: number,
    end: number,
    offset: number,
  ): void {
    this.#lines.accepted++;
    this.#segment.entries += line.count;
    this.#strange ??= this.foreign;
    this.#look();
    if (line.repair) for (const range of this.#missing) range.settled = true;
    try {
      recordsOf(line, bytes, start, end);
    } catch (cause) {
      this.#list({ verdict: 'unreadable', offset, length: end - start, seq: line.seq });
      const segment = this.#segment.name;
      this.#unreadable ??= new WalError('ERR_WAL_CORRUPT', `Entry ${line.seq} is not JSON.`, {
        segment,
        offset,
        seq: line.seq,
        cause,
      });
    }
  }

  protected override passedOver(
    verdict: 'superseded' | 'stranded',
    line: Envelope,
    offset: number,
    length: number,
  ): void {
    this.#look();
    this.#list({ verdict, offset, length, seq: line.seq });
  }

  protected override misfit({ verdict, cause }: Misfit, offset: number, length: number): void {
    this.#look();
    this.#list({ verdict, offset, length, ...(cause && { cause }) });
  }

  #list(line: Omit<OddLine, 'segment'>): void {
    if (line.offset < this.#listed) return;
    this.#listed = line.offset + 1;
    this.#lines[line.verdict]++;
    if (this.#odd.length < MOST_LISTED) this.#odd.push({ ...line, segment: this.#segment.name });
  }

  /** Keeps what the chain proved, beyond the repair that settles it. */
  #look(): void {
    const proof = this.chain.missing;
    if (proof === this.#proof) return;
    const known = this.#proof !== undefined && proof?.offset === this.#proof.offset;
    this.#proof = proof;
    if (proof === undefined) return;
    const { from, to, offset } = proof;
    // Later lines may prove more of the same.
    if (known) this.#missing.pop();
    this.#missing.push({ from, to, offset, segment: this.#segment.name, settled: false });
  }

  protected override errorOf(trouble: Missing | Doubt, firstSeq: number): WalError {
    return troubleError(trouble, firstSeq, true);
  }

  report(error: WalError | undefined): VerifyReport {
    const failure = firstOf([this.trouble, this.#strange, error, this.#unreadable]);
    const entries = this.#segments.reduce((sum, segment) => sum + segment.entries, 0);
    const bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const { head } = this;
    return {
      ok: failure === undefined,
      head,
      entries,
      bytes,
      lines: this.#lines,
      segments: this.#segments,
      missing: this.#missing,
      odd: this.#odd,
      error: failure,
    };
  }
}

/** The one that reading comes to first: damage is why a segment does not lead on to the next. */
function firstOf(errors: readonly (WalError | undefined)[]): WalError | undefined {
  const there = errors.filter((error) => error !== undefined);
  return there.reduce<WalError | undefined>(
    (first, error) => ((error.seq ?? 0) < (first?.seq ?? Infinity) ? error : first),
    undefined,
  );
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
