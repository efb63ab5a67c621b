import { stringify } from './json.ts';

/** A line of the log that has an idempotency key. */
export interface KeyedLine {
  /** Number of its first entry. */
  readonly seq: number;
  /** Number of its entries. */
  readonly count: number;
  readonly ts: number;
  /** The checksum of its content. */
  readonly sum: number;
}

/** A keyed line and its key, as a snapshot keeps them. */
export interface SnapshotKey extends KeyedLine {
  readonly key: string;
}

/** The number of a line's last entry. */
export function lastOf({ seq, count }: Pick<KeyedLine, 'seq' | 'count'>): number {
  return seq + count - 1;
}

/** A shorter common beginning saves fewer bytes than the number that replaces it. */
const LEAST_SHARED = 4;

/** The predecessor of a line's first key. */
const NONE: SnapshotKey = { key: '', seq: 0, count: 1, ts: 0, sum: 0 };

/** Bytes of a checksum, before base64. */
const SUM_BYTES = 4;

/** Makes a line of a snapshot that holds many keys, each written as its difference from the one before. */
export class KeyLine {
  #keys: (string | number)[] = [];
  #seqs: (number | [number, number])[] = [];
  #sums: number[] = [];
  #times: number[] = [];
  #before = NONE;
  #bytes = 0;

  /** The approximate length of the line, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the next keyed line can be written as a difference from the last one. */
  takes({ ts }: KeyedLine): boolean {
    return Number.isSafeInteger(ts - this.#before.ts);
  }

  /** Adds a key, whose seq must be above that of the one before. */
  add(added: SnapshotKey): void {
    const { key, seq, count, ts, sum } = added;
    const before = this.#before;
    const shared = sharedLength(before.key, key);
    const isShared = shared >= LEAST_SHARED;
    if (isShared) this.#keys.push(shared);
    const rest = isShared ? key.slice(shared) : key;
    this.#keys.push(rest);
    const step = seq - before.seq;
    this.#seqs.push(count === 1 ? step : [step, count]);
    this.#sums.push(sum);
    this.#times.push(ts - before.ts);
    this.#before = added;
    this.#bytes += rest.length + 17;
  }

  /** Returns the line with its newline, or undefined if it has no keys, and begins the next line. */
  take(): { readonly line: Buffer; readonly count: number } | undefined {
    const count = this.#seqs.length;
    if (count === 0) return undefined;
    const sums = base64Of(this.#sums);
    const line = Buffer.from(`${stringify({ keys: this.#keys, seqs: this.#seqs, sums, ts: this.#times })}\n`);
    this.#keys = [];
    this.#seqs = [];
    this.#sums = [];
    this.#times = [];
    this.#before = NONE;
    this.#bytes = 0;
    return { line, count };
  }
}

function base64Of(sums: readonly number[]): string {
  const bytes = Buffer.alloc(SUM_BYTES * sums.length);
  for (const [i, sum] of sums.entries()) bytes.writeUInt32BE(sum, SUM_BYTES * i);
  return bytes.toString('base64');
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** The keys of a parsed line; undefined unless a writer could have written the line. */
export function keysOfLine(value: unknown): SnapshotKey[] | undefined {
  const { keys, seqs, sums: base64, ts: times } = (value ?? {}) as Record<string, unknown>;
  if (!Array.isArray(keys) || !Array.isArray(seqs) || !Array.isArray(times)) return undefined;
  if (typeof base64 !== 'string') return undefined;
  const sums = Buffer.from(base64, 'base64');
  if (sums.length !== SUM_BYTES * seqs.length) return undefined;
  const found: SnapshotKey[] = [];
  let before = NONE;
  let shared = 0;
  for (const part of keys) {
    if (typeof part === 'number') {
      shared = part;
      continue;
    }
    const step = seqs[found.length];
    if (step === undefined) return undefined;
    const [gap, count] = Array.isArray(step) ? step : [step, 1];
    const next = {
      key: before.key.slice(0, shared) + part,
      seq: before.seq + gap,
      count,
      ts: before.ts + times[found.length],
      sum: sums.readUInt32BE(SUM_BYTES * found.length),
    };
    const fits =
      typeof part === 'string' && Number.isInteger(shared) && shared >= 0 && shared <= before.key.length;
    if (!fits || !isKeyedAfter(next, before)) return undefined;
    found.push(next);
    before = next;
    shared = 0;
  }
  const isWhole = shared === 0 && found.length === seqs.length && found.length === times.length;
  return isWhole ? found : undefined;
}

function isKeyedAfter(line: KeyedLine, before: KeyedLine): boolean {
  const { seq, count, ts } = line;
  if (![seq, count, ts].every(Number.isSafeInteger)) return false;
  return count >= 1 && seq > lastOf(before) && Number.isSafeInteger(lastOf(line));
}
