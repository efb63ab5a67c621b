/** What can go wrong in a world, as it is counted there. */
const KINDS = [
  'interlopers',
  'kills',
  'crashes',
  'jumps',
  'checkouts',
  'repairs',
  'fails',
  'full',
  'split',
  'short',
  'pages',
  'sync-fails',
  'slow',
  'lies',
  'stolen',
] as const;

const WIDTH = Math.max(...KINDS.map((kind) => kind.length)) + 1;

/** In how many worlds each two kinds of trouble happened both. */
export class Meetings {
  readonly #counts = new Map<string, number>();

  note(counts: Readonly<Record<string, number>>): void {
    const there = KINDS.filter((kind) => counts[kind]);
    for (const [i, one] of there.entries())
      for (const other of there.slice(0, i)) {
        const pair = `${one} ${other}`;
        this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + 1);
      }
  }

  /** A row for each kind, a column for each that comes before it. */
  get table(): string[] {
    const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(WIDTH)).join('');
    const rows = KINDS.map((kind, i) => {
      const met = KINDS.slice(0, i).map((other) => String(this.#counts.get(`${kind} ${other}`) ?? 0));
      return cells([kind, ...met]);
    });
    return ['worlds in which both happened:', ...rows.slice(1), cells(['', ...KINDS.slice(0, -1)])];
  }
}
