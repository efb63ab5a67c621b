import { type KeyScope, raisedScope, scopeAtStart } from '../../src/format/key-scope.ts';
import type { Wal } from '../../src/index.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import type { Item } from '../../src/table/item.ts';

export type Durability = 'sync' | 'os';

/** So many entries have what is appended with a key, and each an id of its own that begins with the key. */
export function idsOf(key: string): string[] {
  return /[13579]$/.test(key) ? [key, `${key}/2`, `${key}/3`] : [key];
}

export function isOfKey(id: string): boolean {
  return id.startsWith('key-');
}

/** An append with a key has one of two contents, of which the second is rare. */
export type Content = 'usual' | 'rare';

interface Place {
  readonly seq: number;
  readonly durability: Durability;
}

interface Line extends Place {
  readonly content: Content;
}

/** What an append with a key and that content was answered. */
export interface KeyAnswer {
  readonly key: string;
  readonly content: Content;
  readonly seq: number;
  readonly duplicate: boolean;
  /** The last entry that was acknowledged before the append was called for. */
  readonly highest: number;
}

/** How near to the window's edge a key must be to be asked for because of that. */
const NEAR = 1;

/** What the processes were told of keys, and of the window in which they are looked for. */
export class KeyOracle {
  readonly #initial: number;
  readonly #lines: Map<string, readonly Line[]>;
  #raises: readonly (Place & { readonly window: number })[];
  /** The largest that anybody tried to raise it to, in whatever commit. */
  readonly #tried: { window: number };

  constructor(window: number, from?: KeyOracle) {
    this.#initial = window;
    this.#lines = new Map(from === undefined ? [] : from.#lines);
    this.#raises = from === undefined ? [] : from.#raises;
    this.#tried = from === undefined ? { window } : from.#tried;
  }

  copy(): KeyOracle {
    return new KeyOracle(this.#initial, this);
  }

  /** Those lines are damaged: what they said may be forgotten. */
  harmed(seqs: ReadonlySet<number>): void {
    const isWhole = ({ seq }: Place, length = 1) =>
      Array.from({ length }, (_, i) => seq + i).every((each) => !seqs.has(each));
    for (const [key, lines] of this.#lines) {
      const { length } = idsOf(key);
      this.#lines.set(
        key,
        lines.filter((line) => isWhole(line, length)),
      );
    }
    this.#raises = this.#raises.filter((raise) => isWhole(raise));
  }

  tries(window: number): void {
    this.#tried.window = Math.max(window, this.#tried.window);
  }

  raised(seq: number, window: number, durability: Durability): void {
    this.#raises = [...this.#raises, { seq, window, durability }].sort((a, b) => a.seq - b.seq);
  }

  /** Answers what is wrong with that. */
  answered(answer: KeyAnswer, durability: Durability): string | undefined {
    const { key, content, seq, duplicate, highest } = answer;
    const lines = this.#lines.get(key) ?? [];
    const known = lines.find((line) => line.seq === seq);
    const others = lines.filter((line) => line.seq !== seq);
    this.#lines.set(key, [
      ...others,
      { seq, content, durability: known?.durability === 'sync' ? 'sync' : durability },
    ]);
    if (known !== undefined && known.content !== content)
      return `${key} with the ${content} content is said to be entry ${seq}, which has another`;
    if (!duplicate && seq <= highest)
      return `${key} is entry ${seq}, though ${highest} had been acknowledged before it was called for`;
    if (duplicate && this.#isForgotten(answer))
      return `${key} is said to be entry ${seq} already, which was out of the window after ${highest}`;
    for (const other of others) {
      const wrong = this.#doubled(key, Math.min(seq, other.seq), Math.max(seq, other.seq));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  /** Answers what is wrong with it that an append was refused because entry `seq` has its key with another content. */
  refused(answer: Omit<KeyAnswer, 'duplicate'>): string | undefined {
    const { key, content, seq, highest } = answer;
    const known = this.#lines.get(key)?.find((line) => line.seq === seq);
    if (known?.content === content)
      return `${key} with the ${content} content was refused for entry ${seq}, which has that content`;
    if (this.#isForgotten(answer))
      return `${key} was refused for entry ${seq}, which was out of the window after ${highest}`;
    return undefined;
  }

  #isForgotten({ key, seq, highest }: Omit<KeyAnswer, 'content' | 'duplicate'>): boolean {
    return seq + idsOf(key).length - 1 < highest + 1 - this.#tried.window;
  }

  #doubled(key: string, first: number, second: number): string | undefined {
    const last = first + idsOf(key).length - 1;
    const { window, from } = this.#scopeBefore(second);
    if (last < second - window || last < from) return undefined;
    return `${key} is entry ${first}, and entry ${second}, which looked for it among the last ${window}`;
  }

  /** What surely held for an entry: a raise that nobody was told of may have made it more. */
  #scopeBefore(seq: number): KeyScope {
    return this.#raises
      .filter((raise) => raise.seq < seq)
      .reduce((scope, raise) => raisedScope(scope, raise.window, raise.seq), scopeAtStart(this.#initial));
  }

  /** A key at the window's edge, for what is appended next. */
  nearEdge(dice: Dice, highest: number): string | undefined {
    const { window } = this.#scopeBefore(highest + 1);
    const near = [...this.#lines].filter(([key, lines]) => {
      const last = Math.max(...lines.map(({ seq }) => seq)) + idsOf(key).length - 1;
      return Math.abs(highest + 1 - last - window) <= NEAR;
    });
    return pick(dice, near)?.[0];
  }

  crashed(): void {
    const kept = ({ durability }: Place) => durability === 'sync';
    for (const [key, lines] of this.#lines) this.#lines.set(key, lines.filter(kept));
    this.#raises = this.#raises.filter(kept);
  }

  /** What does not hold in the log as it is there now. */
  async faultsIn(wal: Wal, items: readonly Pick<Item, 'id' | 'rev'>[]): Promise<string[]> {
    const faults: string[] = [];
    const from = await wal.oldest();
    const there = await linesIn(wal, from);
    const revs = new Map(items.map(({ id, rev }) => [id, rev]));
    for (const [key, lines] of this.#lines) {
      for (const { seq } of lines) {
        if (seq >= from && !there.get(key)?.includes(seq))
          faults.push(`${key} was acknowledged as entry ${seq}, which is another`);
        if ((revs.get(key) ?? 0) < seq) faults.push(`${key} was acknowledged as entry ${seq}, and is lost`);
      }
    }
    for (const [key, seqs] of there) {
      const wrong = seqs.map((seq, i) => i > 0 && this.#doubled(key, seqs[i - 1] as number, seq));
      faults.push(...wrong.filter((each) => typeof each === 'string'));
    }
    return faults;
  }
}

/** The numbers of the first entries of lines that bear a key, by key. */
async function linesIn(wal: Wal, from: number): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  let before: string | undefined;
  for await (const { key, crc, seq } of wal.read({ from })) {
    if (key !== undefined && crc !== before) found.set(key, [...(found.get(key) ?? []), seq]);
    before = crc;
  }
  return found;
}
