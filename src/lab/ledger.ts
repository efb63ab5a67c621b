import { hash } from 'node:crypto';
import { canonicalJson } from '../format/canonical.ts';
import type { Entry, LogRecord } from '../index.ts';

/** What the log is found guilty of. */
export type FaultKind = 'lost' | 'doubled' | 'foreign' | 'reordered';

/** One of them: `entry` counts from 0 in the history, `seq` is where it was acknowledged, or where it lies. */
export interface Fault {
  readonly kind: FaultKind;
  readonly entry?: number;
  readonly seq: number;
}

export interface Findings {
  readonly acknowledged: number;
  /** Acknowledged, and not in the log. */
  readonly lost: number;
  /** Of the history, and in the log more often than it was acknowledged. */
  readonly doubled: number;
  /** In the log, and not of the history. */
  readonly foreign: number;
  /** Not where its process was told, or after an entry that its process appended later. */
  readonly reordered: number;
  /** In the log, and no fault: its process ended before it could tell that it was acknowledged. */
  readonly untold: number;
  /** The first of the faults. */
  readonly faults: readonly Fault[];
}

const MOST_FAULTS = 10;

/** What is to be the same of an entry and of its record: everything the caller gave. */
export function fingerprint({ op, id, data, ts }: Entry | LogRecord): string {
  return hash('sha1', canonicalJson({ op, id, data, ts }) as string, 'base64');
}

/**
 * What the processes say was acknowledged, to be held against the log. It trusts nothing that the log says of itself:
 * entries are known by their content alone.
 */
export class Ledger {
  readonly #fingerprints: readonly string[];
  readonly #processes: number;
  /** Entry to seq. */
  readonly #acknowledged = new Map<number, number>();

  /** `fingerprints`: the history's, in order; entry i is appended by process i mod `processes`. */
  constructor(fingerprints: readonly string[], processes: number) {
    this.#fingerprints = fingerprints;
    this.#processes = processes;
  }

  acknowledge(entry: number, seq: number): void {
    this.#acknowledged.set(entry, seq);
  }

  /** `unsettled`: processes that ended without having told of all their appends. */
  async check(
    records: AsyncIterable<LogRecord> | Iterable<LogRecord>,
    unsettled: ReadonlySet<number> = new Set(),
  ): Promise<Findings> {
    const verdict = new Verdict(this.#acknowledged.size);
    const { bySeq, away } = this.#places();
    const last = new Array<number>(this.#processes).fill(-1);
    const strays = new Strays();
    for await (const record of records) {
      const print = fingerprint(record);
      const entry = bySeq.get(record.seq);
      if (entry === undefined || this.#fingerprints[entry] !== print) {
        strays.add(print, record.seq);
        continue;
      }
      bySeq.delete(record.seq);
      const process = entry % this.#processes;
      if (entry < (last[process] as number)) verdict.add({ kind: 'reordered', entry, seq: record.seq });
      else last[process] = entry;
    }
    for (const [seq, entry] of bySeq) away.push([entry, seq]);
    for (const [entry, seq] of away) {
      const found = strays.take(this.#fingerprints[entry] as string);
      verdict.add({ kind: found === undefined ? 'lost' : 'reordered', entry, seq });
    }
    for (const print of this.#pending(unsettled)) {
      if (strays.take(print) !== undefined) verdict.untold++;
    }
    const known = new Set(this.#fingerprints);
    for (const [print, seq] of strays.rest())
      verdict.add({ kind: known.has(print) ? 'doubled' : 'foreign', seq });
    return verdict.findings();
  }

  /** Entries by the seq they were acknowledged with, and those whose seq another has too. */
  #places(): { bySeq: Map<number, number>; away: [entry: number, seq: number][] } {
    const bySeq = new Map<number, number>();
    const away: [number, number][] = [];
    for (const [entry, seq] of this.#acknowledged) {
      if (bySeq.has(seq)) away.push([entry, seq]);
      else bySeq.set(seq, entry);
    }
    return { bySeq, away };
  }

  *#pending(unsettled: ReadonlySet<number>): Iterable<string> {
    if (unsettled.size === 0) return;
    for (const [entry, print] of this.#fingerprints.entries()) {
      if (unsettled.has(entry % this.#processes) && !this.#acknowledged.has(entry)) yield print;
    }
  }
}

/** Records that are not where the ledger has one of that content: seqs by fingerprint. */
class Strays {
  readonly #seqs = new Map<string, number[]>();

  add(print: string, seq: number): void {
    const seqs = this.#seqs.get(print);
    if (seqs === undefined) this.#seqs.set(print, [seq]);
    else seqs.push(seq);
  }

  take(print: string): number | undefined {
    return this.#seqs.get(print)?.shift();
  }

  *rest(): Iterable<[print: string, seq: number]> {
    for (const [print, seqs] of this.#seqs) for (const seq of seqs) yield [print, seq];
  }
}

class Verdict {
  readonly #acknowledged: number;
  readonly #counts = { lost: 0, doubled: 0, foreign: 0, reordered: 0 };
  readonly #faults: Fault[] = [];
  untold = 0;

  constructor(acknowledged: number) {
    this.#acknowledged = acknowledged;
  }

  add(fault: Fault): void {
    this.#counts[fault.kind]++;
    if (this.#faults.length < MOST_FAULTS) this.#faults.push(fault);
  }

  findings(): Findings {
    const { untold } = this;
    return { acknowledged: this.#acknowledged, ...this.#counts, untold, faults: this.#faults };
  }
}
