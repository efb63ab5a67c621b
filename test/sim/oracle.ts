import { DEFAULT_KEY_WINDOW } from '../../src/format/key-scope.ts';
import type { Wal } from '../../src/index.ts';
import { faultsOf, faultsOfLines } from '../support/oracle.ts';
import type { Harm } from './harm.ts';
import { type Durability, isOfKey, type KeyAnswer, KeyOracle } from './key-oracle.ts';

/** The id that many increment. */
export const COUNTER = 'counter';
/** Two ids between which many move amounts: what the one has the other lacks. */
export const ACCOUNTS = ['account-a', 'account-b'] as const;

const REPEATED: readonly string[] = [COUNTER, ...ACCOUNTS];

/** What anybody ever tried, in whatever commit. */
interface Tries {
  readonly ids: Set<string>;
  increments: number;
}

/** What the processes were told of one log, and what must therefore hold. */
export class Oracle {
  readonly #tries: Tries;
  readonly keys: KeyOracle;
  /** Seqs by id: of what survives a crash, and of what does not. */
  readonly #acknowledged: Map<string, number>;
  readonly #acknowledgedByOs: Map<string, number>;
  readonly #refused: Set<string>;
  /** Crcs by seq, of what readers were given. */
  readonly #seen: Map<number, string>;
  readonly #increments: { sync: number; os: number };
  /** The last entry that is acknowledged; and the last that a crash must keep. */
  #highest: number;
  #kept: number;
  /** What damage took, `ID SEQ` of each entry, of those too of which nobody had been told yet. */
  readonly #harmed: Set<string>;
  /** Whether the log was damaged, and no repair has said since that it is whole. */
  #isDamaged: boolean;
  /** Whether it was damaged at any time. */
  #isMarred: boolean;

  /** `from`: what another commit was told, and what therefore holds here; else the key window that the log is made with. */
  constructor(from: Oracle | number) {
    const before = typeof from === 'number' ? undefined : from.#facts;
    this.keys = typeof from === 'number' ? new KeyOracle(from) : from.keys.copy();
    this.#tries = before?.tries ?? { ids: new Set(REPEATED), increments: 0 };
    this.#acknowledged = new Map(before?.acknowledged);
    this.#acknowledgedByOs = new Map(before?.acknowledgedByOs);
    this.#refused = new Set(before?.refused);
    this.#seen = new Map(before?.seen);
    this.#increments = { sync: 0, os: 0, ...before?.increments };
    this.#highest = before?.highest ?? 0;
    this.#kept = before?.kept ?? 0;
    this.#harmed = new Set(before?.harmed);
    this.#isDamaged = before?.isDamaged ?? false;
    this.#isMarred = before?.isMarred ?? false;
  }

  get #facts() {
    return {
      tries: this.#tries,
      acknowledged: this.#acknowledged,
      acknowledgedByOs: this.#acknowledgedByOs,
      refused: this.#refused,
      seen: this.#seen,
      increments: this.#increments,
      highest: this.#highest,
      kept: this.#kept,
      harmed: this.#harmed,
      isDamaged: this.#isDamaged,
      isMarred: this.#isMarred,
    };
  }

  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Whether the log was damaged at any time. */
  get isMarred(): boolean {
    return this.#isMarred;
  }

  /** What holds once that was done to the log. `stoodFor`: the last entry that a snapshot stands for. */
  damaged({ entries, seqs, isOfMeta }: Harm, stoodFor: number): Oracle {
    const oracle = new Oracle(this);
    for (const each of entries) oracle.#harmed.add(each);
    for (const acknowledged of [oracle.#acknowledged, oracle.#acknowledgedByOs])
      for (const [id, seq] of acknowledged)
        if (seq > stoodFor && entries.has(`${id} ${seq}`)) acknowledged.delete(id);
    oracle.keys.harmed(seqs);
    // What only wal.json told, a salvage takes the default for.
    if (isOfMeta) oracle.keys.tries(DEFAULT_KEY_WINDOW);
    oracle.#isDamaged = true;
    oracle.#isMarred = true;
    // Where the log ends, and which bytes its lines have, is known again once it is mended.
    oracle.#seen.clear();
    oracle.#highest = 0;
    oracle.#kept = 0;
    return oracle;
  }

  /** What holds once a repair has said that the log is whole. */
  repaired(): Oracle {
    const oracle = new Oracle(this);
    oracle.#isDamaged = false;
    oracle.#kept = Math.max(0, ...this.#acknowledged.values());
    oracle.#highest = Math.max(oracle.#kept, ...this.#acknowledgedByOs.values());
    return oracle;
  }

  /** The last entry that is acknowledged: what is appended from now on comes after it. */
  get highest(): number {
    return this.#highest;
  }

  tried(ids: readonly string[]): void {
    for (const id of ids) this.#tries.ids.add(id);
  }

  /** `seq`: of the first of them. Answers what is wrong with that. */
  acknowledged(
    ids: readonly string[],
    seq: number,
    durability: Durability,
    keyed?: KeyAnswer,
  ): string | undefined {
    // Damaged before it was acknowledged: nobody could know.
    if (ids.some((id, i) => this.#harmed.has(`${id} ${seq + i}`))) return undefined;
    this.reached(seq + ids.length - 1, durability);
    if (keyed !== undefined) return this.keys.answered(keyed, durability);
    for (const [i, id] of ids.entries()) {
      const before = this.#acknowledged.get(id) ?? this.#acknowledgedByOs.get(id) ?? seq + i;
      if (before !== seq + i) return `${id} was acknowledged as entry ${before}, and as entry ${seq + i}`;
      (durability === 'sync' ? this.#acknowledged : this.#acknowledgedByOs).set(id, seq + i);
    }
    return undefined;
  }

  /** So far the log was told to go. */
  reached(seq: number, durability: Durability): void {
    if (this.#isDamaged) return;
    this.#highest = Math.max(this.#highest, seq);
    if (durability === 'sync') this.#kept = Math.max(this.#kept, seq);
  }

  /** It was told that nothing was written. */
  refused(ids: readonly string[]): void {
    for (const id of ids) this.#refused.add(id);
  }

  increments(): void {
    this.#tries.increments++;
  }

  incremented(durability: Durability): void {
    this.#increments[durability]++;
  }

  /** A reader was given that entry; `kept`: as one that survives a crash. Answers what is wrong with that. */
  saw(seq: number, crc: string, kept: boolean): string | undefined {
    if (this.#isDamaged) return undefined;
    const before = this.#seen.get(seq);
    if (before !== undefined && before !== crc)
      return `entry ${seq} was read with crc ${crc}, and before with ${before}`;
    this.#seen.set(seq, crc);
    if (kept) this.#kept = Math.max(this.#kept, seq);
    return undefined;
  }

  /** The power went: what was not synced may be gone. */
  crashed(): void {
    this.keys.crashed();
    this.#acknowledgedByOs.clear();
    this.#increments.os = 0;
    this.#highest = this.#kept;
    for (const seq of this.#seen.keys()) if (seq > this.#kept) this.#seen.delete(seq);
  }

  /** What does not hold in the log as it is there now. `isCalm`: nothing has happened that can tear a line. */
  async faultsIn(wal: Wal, isCalm: boolean): Promise<string[]> {
    const items = (await wal.table<number>()).list();
    const acknowledged = new Map([...this.#acknowledged, ...this.#acknowledgedByOs]);
    const told = { acknowledged, tried: this.#tries.ids, refused: this.#refused, repeated: this.#repeated };
    const faults = faultsOf(items, told);
    const item = (id: string) => items.find((each) => each.id === id) ?? { value: 0, version: 0 };
    const { value, version } = item(COUNTER);
    const { sync, os } = this.#increments;
    const { increments: tried } = this.#tries;
    const lost = [...this.#harmed].filter((each) => each.startsWith(`${COUNTER} `)).length;
    if (value !== version && !this.isMarred)
      faults.push(`the counter is ${value} after ${version} increments`);
    if (version < sync + os - lost)
      faults.push(`${sync + os} increments were acknowledged, and ${version} are there`);
    if (version > tried) faults.push(`${tried} increments were tried, and ${version} are there`);
    const [a, b] = ACCOUNTS.map(item) as [(typeof items)[0], (typeof items)[0]];
    if ((a.value + b.value !== 0 || a.version !== b.version) && !this.isMarred)
      faults.push(
        `the accounts hold ${a.value} and ${b.value} after ${a.version} and ${b.version} transfers`,
      );
    const { seq } = await wal.head();
    if (seq < this.#highest)
      faults.push(`the log ends at entry ${seq}, and was told to reach ${this.#highest}`);
    const report = await wal.verify();
    const { stranded, torn, damaged, unreadable } = report.lines;
    if (isCalm && stranded + torn + damaged + unreadable > 0)
      faults.push(
        `verify: of its lines ${stranded} are stranded, ${torn} torn, ${damaged} damaged, ${unreadable} unreadable`,
      );
    const ofKeys = await this.keys.faultsIn(wal, items);
    return [...faults, ...ofKeys, ...faultsOfOrder(items), ...faultsOfLines(report)];
  }

  /** An append with a key is there as often as its key was out of the window. */
  get #repeated(): string[] {
    return [...REPEATED, ...[...this.#tries.ids].filter(isOfKey)];
  }

  /** What does not hold in a copy that was made up to that entry. */
  async faultsInCopy(wal: Wal, reached: number): Promise<string[]> {
    const acknowledged = [...this.#acknowledged, ...this.#acknowledgedByOs].filter(
      ([, seq]) => seq <= reached,
    );
    const items = (await wal.table()).list();
    const told = { acknowledged: new Map(acknowledged), tried: this.#tries.ids, repeated: this.#repeated };
    return [...faultsOf(items, told), ...faultsOfOrder(items), ...faultsOfLines(await wal.verify())];
  }
}

/** The ids of each writer end in the number of the call: what it called for first comes first. */
function faultsOfOrder(items: readonly { readonly id: string; readonly rev: number }[]): string[] {
  const revs = new Map<string, number[]>();
  for (const { id, rev } of items) {
    const [, writer, number] = /^(p.*)-(\d+)$/.exec(id) ?? [];
    if (writer === undefined) continue;
    const ofWriter = revs.get(writer) ?? [];
    ofWriter[Number(number)] = rev;
    revs.set(writer, ofWriter);
  }
  const faults: string[] = [];
  for (const [writer, ofWriter] of revs) {
    const inOrder = ofWriter.filter((rev) => rev !== undefined);
    if (inOrder.some((rev, i) => rev < (inOrder[i - 1] ?? 0)))
      faults.push(`the entries of ${writer} are in another order than its calls`);
  }
  return faults;
}
