import type { Call, Model } from './linearize.ts';
import type { Standing } from './lives.ts';
import {
  type Head,
  isWriting,
  type Operation,
  type Sight,
  tagOf,
  type Written,
  writerOf,
} from './operation.ts';
import type { RunEvidence } from './run-evidence.ts';
import { placeSum } from './sum.ts';

/** An operation whose place in the order matters. */
export interface LogCall extends Call {
  readonly operation: Operation;
  /** What it wrote, if it did. */
  readonly entries: readonly ModelEntry[];
}

interface ModelEntry extends Pick<Written, 'op' | 'id'> {
  readonly by: string;
  /** Who had written the id when this was decided; undefined where it was not decided on that, or nobody knows any more. */
  readonly from: unknown;
}

const ABSENT: Standing = { rev: 0, by: null };

/** What a transaction that was never answered wrote before something that can be read. */
const UNREAD = { op: '', id: '', from: undefined } as const;

/** The operations whose order tells something; undefined where nobody knows any more what one of them wrote. */
export function callsOf(evidence: RunEvidence): LogCall[] | undefined {
  const { operations, oldest } = evidence;
  const written = writtenIn(evidence);
  const calls: LogCall[] = [];
  for (const operation of operations) {
    const { start, outcome, saw, reason } = operation;
    if (isWriting(operation) && outcome !== 'refused') {
      const entries = entriesOf(operation, written.get(tagOf(operation)) ?? []);
      const [first] = entries;
      if ((first ?? UNREAD).op === UNREAD.op && outcome === 'unknown' && oldest > 1) return undefined;
      if (first === undefined) continue;
      const isSure = outcome === 'acknowledged';
      const isReading = operation.duplicate === true;
      calls.push({ operation, start, end: isSure ? operation.end : Infinity, isSure, isReading, entries });
    } else if (isWriting(operation) ? reason === 'conflict' : saw !== undefined)
      calls.push({ operation, start, end: operation.end, isSure: true, isReading: true, entries: [] });
  }
  return calls;
}

/** What there is of each write, by its tag. */
function writtenIn({ found, entries, writes }: RunEvidence): Map<string, ModelEntry[]> {
  const written = new Map<string, ModelEntry[]>();
  for (const [i, { op, id, data }] of found.entries()) {
    const operation = writes.operations[entries.writes[i] as number];
    if (operation === undefined) continue;
    const tag = tagOf(operation);
    const from = (data as { readonly from?: unknown }).from;
    const own = written.get(tag) ?? [];
    written.set(tag, own);
    own[entries.parts[i] as number] = { op, id, by: writerOf(data) as string, from };
  }
  return written;
}

/** As its client tells, with what is there of them; a transaction that was never answered wrote what is there. */
function entriesOf(operation: Operation, there: readonly ModelEntry[]): ModelEntry[] {
  const { expect, entries } = operation;
  const told = entries.map(({ op, id }, i) => ({ op, id, by: tagOf(operation, i), from: expect?.from }));
  return Array.from(
    { length: Math.max(told.length, there.length) },
    (_, i) => there[i] ?? told[i] ?? { ...UNREAD, by: tagOf(operation, i) },
  );
}

/** A log as it is without anybody else: for `linearize`. */
export class LogModel implements Model<LogCall> {
  readonly #evidence: RunEvidence;
  readonly #hasRevs: boolean;
  /** Who wrote each entry. */
  readonly #bys: string[] = [];
  /** Of each id, what it was and became. */
  readonly #ids = new Map<string, Standing[]>();
  /** Of each key, the entries that it has. */
  readonly #keys = new Map<string, number[]>();
  /** States by what led to them: one that has others written, or in another order, is another. */
  readonly #names = new Map<string, string>();
  readonly #path: string[] = [''];

  constructor(evidence: RunEvidence) {
    this.#evidence = evidence;
    this.#hasRevs = evidence.can.includes('rev');
  }

  get state(): string {
    return this.#path.at(-1) as string;
  }

  get isFinal(): boolean {
    const { head, state } = this.#evidence;
    if (this.#bys.length !== head) return false;
    if (state === undefined) return true;
    const items = new Map(
      [...state.items].map(({ id, value, rev = 0 }) => [id, { by: writerOf(value), rev }]),
    );
    for (const [id] of this.#ids) {
      const there = this.#standing(id);
      const item = items.get(id);
      if ((item?.by ?? null) !== there.by || (item && this.#hasRevs && item.rev !== there.rev)) return false;
      items.delete(id);
    }
    return items.size === 0;
  }

  tryCall(call: LogCall): boolean {
    const { operation } = call;
    if (operation.saw !== undefined) return this.#isSeen(operation.saw);
    const first = this.#keyed(operation);
    if (operation.outcome === 'refused') return first === undefined && this.#isConflict(operation);
    if (operation.duplicate) return first !== undefined && (operation.seq ?? first) === first;
    if (first !== undefined || !this.#fits(call)) return false;
    if (operation.expect !== undefined && !this.#meets(operation, this.#evidence.heads.agrees)) return false;
    this.#put(call);
    return true;
  }

  undo({ operation, entries, isReading }: LogCall): void {
    if (isReading) return;
    for (const { id } of entries) {
      this.#bys.pop();
      this.#ids.get(id)?.pop();
    }
    if (operation.key !== undefined) this.#keys.get(operation.key)?.pop();
    this.#path.pop();
  }

  get #head(): number {
    return this.#bys.length;
  }

  #standing(id: string): Standing {
    return this.#ids.get(id)?.at(-1) ?? ABSENT;
  }

  /** The entry that the log knows the operation's key by. */
  #keyed({ key }: Operation): number | undefined {
    const seq = key === undefined ? undefined : this.#keys.get(key)?.at(-1);
    const { keyWindow = Infinity } = this.#evidence;
    return seq !== undefined && seq > this.#head - keyWindow ? seq : undefined;
  }

  /** `isHead`: judges the head that it expected, if that has the right number. */
  #meets({ expect = {}, entries }: Operation, isHead: (expected: Head) => boolean): boolean {
    if (expect.rev === undefined)
      return expect.seq === this.#head && isHead({ seq: expect.seq, crc: expect.crc });
    const there = this.#standing(entries[0]?.id as string);
    return this.#hasRevs || expect.from === undefined ? there.rev === expect.rev : there.by === expect.from;
  }

  #isConflict(operation: Operation): boolean {
    const { head, rev, expect, entries } = operation;
    if (head !== undefined && (head.seq !== this.#head || !this.#evidence.heads.agrees(head))) return false;
    if (expect === undefined) return true;
    const isRev = expect.rev !== undefined && rev !== undefined && this.#hasRevs;
    if (isRev && this.#standing(entries[0]?.id as string).rev !== rev) return false;
    const { heads } = this.#evidence;
    const isHead = (expected: Head) =>
      expected.crc === undefined || expected.crc === head?.crc || heads.isOnly(expected);
    return !this.#meets(operation, isHead);
  }

  /** Whether it can have written where the log ends now. */
  #fits({ operation, entries }: LogCall): boolean {
    const { found, oldest, head } = this.#evidence;
    const { seq = this.#head + 1 } = operation;
    if (seq !== this.#head + 1 || this.#head + entries.length > head) return false;
    return entries.every(({ by, id, from }, i) => {
      const place = seq + i;
      if (place >= oldest && writerOf(found[place - oldest]?.data) !== by) return false;
      // What a line of several was decided on is what was before it, or what it wrote itself.
      const own = entries.slice(0, i).findLast((entry) => entry.id === id);
      const before = own === undefined ? this.#standing(id).by : own.op === 'delete' ? null : own.by;
      return from === undefined || from === before;
    });
  }

  #put({ operation, entries }: LogCall): void {
    const first = this.#head + 1;
    for (const [i, { op, id, by }] of entries.entries()) {
      const lives = this.#ids.get(id) ?? [];
      this.#ids.set(id, lives);
      lives.push(op === 'delete' ? ABSENT : { rev: first + i, by });
      this.#bys.push(by);
    }
    const { key } = operation;
    if (key !== undefined) this.#keys.set(key, [...(this.#keys.get(key) ?? []), first]);
    const led = `${this.state} ${tagOf(operation)}`;
    const name = this.#names.get(led) ?? String(this.#names.size);
    this.#names.set(led, name);
    this.#path.push(name);
  }

  #isSeen(saw: Sight): boolean {
    const { oldest, heads } = this.#evidence;
    const head = this.#head;
    if ('from' in saw) {
      const { from, to, toEnd, sum, gap } = saw;
      // Where all that it knew of had been compacted away, it saw nothing, whatever there was.
      if (to < from) return !toEnd || oldest > 1 || head === to;
      if (gap || (toEnd ? head !== to : head < to)) return false;
      let there = 0;
      for (let seq = from; seq <= to; seq++) there = (there + placeSum(seq, this.#bys[seq - 1])) >>> 0;
      return there === sum;
    }
    if (saw.seq !== undefined && (saw.seq !== head || !heads.agrees({ seq: head, crc: saw.crc })))
      return false;
    return saw.items.every(([id, by, rev = 0]) => {
      const there = this.#standing(id);
      return there.by === by && (!this.#hasRevs || saw.seq === undefined || there.rev === rev);
    });
  }
}
