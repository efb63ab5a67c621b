import { MARK_FILE, REWOUND_FILE } from '../../src/format/names.ts';
import type { Effect } from '../disk/effect.ts';
import type { Image } from '../disk/image.ts';

/**
 * What a crash leaves of a write. `cut`: so many bytes, and nothing after; `zeros`: its length, and for its bytes from
 * `from` up to `to` what had been there before: zeros, where nothing had.
 */
export type Damage =
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'zeros'; readonly from: number; readonly to: number };

/** What becomes of the effects that no sync had confirmed: what is not lost is kept. */
export interface CrashState {
  /** Effects that are lost, by number. */
  readonly lost: ReadonlySet<number>;
  /** Writes that are kept, and not whole. */
  readonly damaged?: readonly Damaged[];
}

export interface Damaged {
  /** The write, by number. */
  readonly effect: number;
  readonly damage: Damage;
}

const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;
const NEWLINE = 10;

/** Numbers of the effects, of the first `count`, that no sync has confirmed. */
export function unsynced(effects: readonly Effect[], count: number): number[] {
  const open = new Map<number, Set<number>>();
  const of = (inode: number) => open.get(inode) ?? new Set<number>();
  const add = (inode: number, number: number) => open.set(inode, of(inode).add(number));
  const dropped = new Set<number>();
  for (const [number, effect] of effects.slice(0, count).entries()) {
    if (effect.kind === 'write') add(effect.inode, number);
    if (effect.kind === 'name') for (const { directory } of effect.namings) add(directory, number);
    if (effect.kind !== 'synced' && effect.kind !== 'sync-failed') continue;
    for (const each of of(effect.inode)) {
      if (each >= effect.before) continue;
      of(effect.inode).delete(each);
      if (effect.kind === 'sync-failed') dropped.add(each);
    }
  }
  return [...new Set([...dropped, ...[...open.values()].flatMap((numbers) => [...numbers])])].sort(
    (a, b) => a - b,
  );
}

/**
 * Every crash state that is tried after the first `count` effects: the last `oneByOne` unsynced ones are kept or lost
 * in every combination, those before them together.
 */
export function* crashStatesAt(
  effects: readonly Effect[],
  count: number,
  oneByOne: number,
): Generator<CrashState> {
  const isOfMark = marksAmong(effects.slice(0, count));
  const open = unsynced(effects, count).filter((number) => !isOfMark(number));
  const last = open.slice(-oneByOne);
  const earlier = open.slice(0, -oneByOne);
  for (const lostBefore of earlier.length > 0 ? [[], earlier] : [[]]) {
    for (let choice = 0; choice < 2 ** last.length; choice++) {
      const lost = new Set([...lostBefore, ...last.filter((_, i) => (choice >> i) & 1)]);
      yield { lost };
      const kept = last.filter((number) => effects[number]?.kind === 'write' && !lost.has(number));
      for (const effect of kept) {
        const write = effects[effect] as Write;
        const damages = effect === kept.at(-1) ? [...cutsOf(write), ...zerosOf(write)] : holesOf(write);
        for (const damage of damages) yield { lost, damaged: [{ effect, damage }] };
      }
    }
  }
}

/**
 * Which effects, by number, are of the mark's files alone. They are never synced, and nothing rests on them: they are kept, so
 * that what is tried one by one is of the log.
 */
function marksAmong(effects: readonly Effect[]): (number: number) => boolean {
  const isMark = (name: string) => name === MARK_FILE || name === REWOUND_FILE;
  const namings = effects.flatMap((effect) => (effect.kind === 'name' ? effect.namings : []));
  const inodes = new Set(namings.filter(({ name }) => isMark(name)).map(({ inode }) => inode));
  return (number) => {
    const effect = effects[number];
    if (effect?.kind === 'write') return inodes.has(effect.inode);
    return effect?.kind === 'name' && effect.namings.every(({ name }) => isMark(name));
  };
}

type Write = Extract<Effect, { kind: 'write' }>;

/** Cuts at every sector, and at the bytes around every line's end. */
function* cutsOf({ bytes, offset }: Write): Generator<Damage> {
  const cuts = new Set([1, bytes.length - 1]);
  for (let at = SECTOR_BYTES - (offset % SECTOR_BYTES); at < bytes.length; at += SECTOR_BYTES) cuts.add(at);
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1))
    for (const near of [at - 1, at, at + 1, at + 2]) cuts.add(near);
  for (const cut of cuts) if (cut > 0 && cut < bytes.length) yield { kind: 'cut', bytes: cut };
}

/** Pages that did not come through. */
function* zerosOf({ bytes, offset }: Write): Generator<Damage> {
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + PAGE_BYTES - ((offset + from) % PAGE_BYTES));
    yield { kind: 'zeros', from, to };
    from = to;
  }
}

/** The same, where later bytes came through: what lost all its pages is as if it had been lost itself. */
function holesOf(write: Write): Damage[] {
  const zeros = [...zerosOf(write)];
  return zeros.length > 1 ? zeros : [];
}

/** What a crash after the first `count` effects on that image leaves, by that state. */
export function imageAfter(
  before: Image,
  effects: readonly Effect[],
  count: number,
  { lost, damaged = [] }: CrashState,
): Image {
  const image = before.copy();
  const damages = new Map(damaged.map(({ effect, damage }) => [effect, damage]));
  for (const [number, effect] of effects.slice(0, count).entries()) {
    if (lost.has(number)) continue;
    if (effect.kind === 'made') image.make(effect);
    if (effect.kind === 'name') image.name(effect.namings);
    if (effect.kind !== 'write') continue;
    const { inode, offset, bytes } = effect;
    const harm = damages.get(number);
    const there = () => image.files.get(inode)?.content.bytes.subarray(offset) ?? Buffer.alloc(0);
    image.write(inode, harm === undefined ? bytes : damage(bytes, there(), harm), offset);
  }
  return image;
}

/** `there`: what lies where the bytes go, and after. */
function damage(bytes: Buffer, there: Buffer, damage: Damage): Buffer {
  if (damage.kind === 'cut') return bytes.subarray(0, damage.bytes);
  const { from, to } = damage;
  const left = Buffer.from(bytes).fill(0, from, to);
  there.subarray(from, to).copy(left, from);
  return left;
}
