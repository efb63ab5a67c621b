// Makes a tracker of many issues, to see how all goes then:
// node make-many.js DIRECTORY [--issues 100000] [--open 1] [--changes 300] [--seed 1]
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Entry, Wal } from 'jsonl-wal';
import { ISSUES } from './fold.ts';

export interface Many {
  readonly issues: number;
  /** What share of them is open, from 0 to 1. */
  readonly open: number;
  /** How many changes come after the compaction. */
  readonly changes: number;
  readonly seed: number;
}

const WORDS =
  'login parser cache page index token retry lock merge branch deploy query schema timeout header button form report export queue worker session signal buffer stream test build config'.split(
    ' ',
  );
const AGENTS = ['alice', 'bob', 'carol', 'dave', 'erin'];
const BEGAN = Date.UTC(2025, 0, 1);
const BETWEEN_MS = 60_000;
/** Entries a line: each line is one append. */
const AT_ONCE = 20;

/** The same for the same numbers: all the issues in a compacted log, and changes after it. */
export async function makeMany(directory: string, { issues, open, changes, seed }: Many): Promise<void> {
  const wal = await Wal.open(join(directory, '.beads'), { fold: ISSUES, durability: 'os' });
  try {
    const made = new Maker(seed);
    await appendAll(wal, AT_ONCE, made.issues(issues, open));
    await wal.compact();
    await appendAll(wal, 1, made.changes(changes));
  } finally {
    await wal.close();
  }
}

async function appendAll(wal: Wal, atOnce: number, entries: Iterable<Entry>): Promise<void> {
  let batch: Entry[] = [];
  for (const entry of entries) {
    if (batch.push(entry) < atOnce) continue;
    await wal.appendBatch(batch);
    batch = [];
  }
  if (batch.length > 0) await wal.appendBatch(batch);
}

class Maker {
  readonly #seed: number;
  #drawn = 0;
  #ts = BEGAN;
  readonly #taken = new Set<string>();
  readonly #open: string[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  *issues(count: number, open: number): Generator<Entry, void, undefined> {
    for (let i = 0; i < count; i++) {
      const entry = this.#add();
      yield entry;
      const by = this.#oneOf(AGENTS);
      if (this.#chance() >= open) {
        yield this.#entry('update', entry.id, { claim: { by }, by });
        yield this.#entry('close', entry.id, { by });
        continue;
      }
      const fate = this.#chance();
      if (fate < 0.03) yield this.#entry('update', entry.id, { claim: { by }, by });
      else if (fate < 0.07 && this.#open.length > 0)
        yield this.#entry('block', entry.id, { blocker: this.#oneOf(this.#open), by });
      this.#open.push(entry.id);
    }
  }

  *changes(count: number): Generator<Entry, void, undefined> {
    for (let i = 0; i < count; i++) {
      const what = this.#open.length === 0 ? 0 : this.#below(5);
      const id = what < 2 ? '' : this.#oneOf(this.#open);
      const by = this.#oneOf(AGENTS);
      if (what < 2) yield this.#add();
      else if (what === 2) yield this.#entry('update', id, { claim: { by }, by });
      else if (what === 3) yield this.#entry('update', id, { priority: this.#below(5), by });
      else yield this.#entry('close', id, { by });
    }
  }

  #add(): Entry {
    const title = this.#text(3 + this.#below(6));
    const hash = createHash('sha256').update(`${this.#seed}\n${this.#drawn}\n${title}`).digest('hex');
    let length = 4;
    while (this.#taken.has(hash.slice(0, length))) length++;
    const id = hash.slice(0, length);
    this.#taken.add(id);
    const description = this.#text(20 + this.#below(60));
    // Most are of the middle.
    const priority = this.#below(3) + this.#below(3);
    return this.#entry('add', `bd-${id}`, { title, description, priority, by: this.#oneOf(AGENTS) });
  }

  #entry(op: string, id: string, data: unknown): Entry {
    this.#ts += BETWEEN_MS;
    return { op, id, data, ts: this.#ts };
  }

  #text(words: number): string {
    return Array.from({ length: words }, () => this.#oneOf(WORDS)).join(' ');
  }

  #oneOf<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }

  #below(limit: number): number {
    return Math.floor(this.#chance() * limit);
  }

  /** From 0 to 1 (not included): splitmix32 of how many were drawn before. */
  #chance(): number {
    let mixed = (this.#seed + Math.imul(++this.#drawn, 0x9e3779b9)) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      issues: { type: 'string', default: '100000' },
      open: { type: 'string', default: '1' },
      changes: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [directory] = positionals;
  if (directory === undefined) {
    console.error(
      'Name the directory to make: make-many.js DIRECTORY [--issues N] [--open SHARE] [--changes N] [--seed N]',
    );
    process.exit(2);
  }
  const { issues, open, changes, seed } = values;
  const many = { issues: Number(issues), open: Number(open), changes: Number(changes), seed: Number(seed) };
  await makeMany(directory, many);
}
