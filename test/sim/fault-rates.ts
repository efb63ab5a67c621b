import type { Dice } from '../../src/lab/seeded.ts';
import { pick } from '../../src/lab/seeded.ts';

/** What a process asks of the disk, or of the lock. */
export type Call =
  | 'makeDirectory'
  | 'list'
  | 'open'
  | 'make'
  | 'look'
  | 'link'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'size'
  | 'read'
  | 'append'
  | 'writeAt'
  | 'sync'
  | 'syncNow'
  | 'lock'
  | 'unlock';

/** How often things go wrong: chances at each call where that can happen, 0 to 1. */
export interface FaultRates {
  /** Another process appends, once or some times, before the call. */
  readonly interloper: number;
  /** The process is killed. */
  readonly kill: number;
  /** The power goes. */
  readonly crash: number;
  /** The wall clock is set forward or back, or all were asleep for a while. */
  readonly jump: number;
  /** The files are replaced by those of another commit, or one is made. */
  readonly checkout: number;
  /** The call fails with EIO; a write may have done a part of it. */
  readonly fails: number;
  /** There is no room: of a write, a part at most was done. */
  readonly full: number;
  /** A write is taken in two parts, and others come between them. */
  readonly split: number;
  /** A read gives less than there is. */
  readonly short: number;
  /** Another process appends before a read, which sees zeros for a part of what that one is just writing. */
  readonly pages: number;
  /** A sync fails. Of a file, what it should have kept is lost for good, and its pages count as clean. */
  readonly 'sync-fails': number;
  /** A sync takes long. */
  readonly slow: number;
  /** The lock says it was taken, though another has it. */
  readonly lies: number;
  /** Whoever has the lock has it no more, and does not know. */
  readonly stolen: number;
}

export type TroubleKind = keyof FaultRates;

const EVERYWHERE: readonly TroubleKind[] = ['crash', 'kill', 'interloper', 'jump', 'checkout'];

const AT: Readonly<Record<Call, readonly TroubleKind[]>> = {
  makeDirectory: ['fails', 'full'],
  list: ['fails'],
  open: ['fails'],
  make: ['fails', 'full'],
  look: ['fails'],
  link: ['fails', 'full'],
  rename: ['fails', 'full'],
  remove: ['fails'],
  syncDirectory: ['sync-fails'],
  size: ['fails'],
  read: ['fails', 'short', 'pages'],
  append: ['fails', 'full', 'split'],
  writeAt: ['fails'],
  sync: ['sync-fails', 'slow'],
  syncNow: ['sync-fails', 'slow'],
  lock: ['fails', 'lies', 'stolen'],
  unlock: [],
};

/** By call, what may go wrong there: each kind, and below which throw of the dice it comes. */
export function troublesAt(
  faultRates: FaultRates,
): (call: Call) => readonly (readonly [below: number, kind: TroubleKind])[] {
  const tables = new Map<Call, (readonly [number, TroubleKind])[]>();
  for (const call of Object.keys(AT) as Call[]) {
    let sum = 0;
    const kinds = [...EVERYWHERE, ...AT[call]].filter((kind) => faultRates[kind] > 0);
    tables.set(
      call,
      kinds.map((kind) => {
        sum += faultRates[kind];
        return [sum, kind] as const;
      }),
    );
  }
  return (call) => tables.get(call) as (readonly [number, TroubleKind])[];
}

/** What a world is like, for all who live in it. */
export interface Climate {
  readonly faultRates: FaultRates;
  /** How many processes at most. */
  readonly slots: number;
  readonly segmentBytes: number;
  readonly lock: LockClimate;
  /** Whether the log is kept in git. */
  readonly git: boolean;
  /** Whether some processes acknowledge what is written, without a sync. */
  readonly os: boolean;
  readonly autoCompact: boolean;
  /** The key window that the log is made with: small ones have edges that are met. */
  readonly keyWindow: number;
  /** How often the log is damaged, and then mended: the chance at each step, 0 to 1. */
  readonly damage: number;
}

export interface LockClimate {
  /** `none`: everybody is let in. `kernel`: free as soon as its holder is dead. `lockfile`: free once it is old. */
  readonly kind: 'none' | 'kernel' | 'lockfile';
  readonly timeoutMs: number;
  /** Whether who waits too long fails, instead of going on without. */
  readonly strict: boolean;
}

const CALM: FaultRates = {
  interloper: 0.03,
  kill: 0,
  crash: 0,
  jump: 0,
  checkout: 0,
  fails: 0,
  full: 0,
  split: 0,
  short: 0,
  pages: 0,
  'sync-fails': 0,
  slow: 0.05,
  lies: 0,
  stolen: 0,
};

const LOCKS: Pick<FaultRates, 'lies' | 'stolen'> = { lies: 0.05, stolen: 0.05 };

const SETTINGS: readonly Partial<FaultRates>[] = [
  { kill: 0.001, crash: 0.0005, pages: 0.01 },
  { interloper: 0.1, full: 0.02 },
  { interloper: 0.05, split: 0.05, full: 0.005, kill: 0.001, ...LOCKS },
  { crash: 0.0005, 'sync-fails': 0.01 },
  { interloper: 0.05, kill: 0.002, jump: 0.001, ...LOCKS },
  { fails: 0.004, kill: 0.0005 },
  { fails: 0.002, crash: 0.0005, 'sync-fails': 0.005 },
  { short: 0.02, kill: 0.0005, pages: 0.03 },
  { pages: 0.1, 'sync-fails': 0.02 },
  {
    ...LOCKS,
    kill: 0.0005,
    crash: 0.0005,
    jump: 0.0005,
    fails: 0.001,
    full: 0.003,
    short: 0.002,
    'sync-fails': 0.003,
  },
];

/** How often each goes wrong in a world that mixes them. */
const MIXED = {
  interloper: 0.06,
  kill: 0.001,
  crash: 0.0005,
  jump: 0.001,
  fails: 0.002,
  full: 0.01,
  split: 0.02,
  short: 0.01,
  pages: 0.02,
  'sync-fails': 0.005,
  lies: 0.05,
  stolen: 0.05,
} as const satisfies Partial<FaultRates>;
/** So many of them meet in such a world. */
const MOST_MIXED = 4;

function mixture(dice: Dice): Partial<FaultRates> {
  const kinds = Object.keys(MIXED) as (keyof typeof MIXED)[];
  const chosen = Array.from({ length: MOST_MIXED }, () => pick(dice, kinds) as keyof typeof MIXED);
  return Object.fromEntries(chosen.map((kind) => [kind, MIXED[kind]]));
}

/** Those of a log kept in git. */
const GIT_SETTINGS: readonly Partial<FaultRates>[] = [
  { checkout: 0.003, kill: 0.0005 },
  { checkout: 0.002, crash: 0.0005, kill: 0.0005, full: 0.003 },
];

/** Whether nothing can happen there that leaves a line torn. */
export function isCalm({ faultRates }: Climate): boolean {
  const tearing = ['crash', 'fails', 'full', 'split', 'short', 'pages', 'checkout'] as const;
  return tearing.every((kind) => faultRates[kind] === 0);
}

const DAMAGE_SHARE = 0.3;
const DAMAGE = 0.02;
/** A salvage reads each line once: where reads give a part, some of its own must. */
const SHORT_OF_DAMAGE = 0.05;

/** `ofDamage`: dice that tell whether logs are damaged there. */
export function climateOf(dice: Dice, ofDamage: Dice): Climate {
  const git = dice() < 0.2;
  const setting = pick(dice, git ? GIT_SETTINGS : SETTINGS);
  const mixed = dice() < (git ? 0.8 : 0.4) ? { checkout: git ? 0.002 : 0, ...mixture(dice) } : setting;
  const faultRates = { ...CALM, ...mixed };
  const damage = ofDamage() < DAMAGE_SHARE ? DAMAGE : 0;
  const short = damage > 0 && faultRates.short > 0 ? SHORT_OF_DAMAGE : faultRates.short;
  return {
    git,
    faultRates: { ...faultRates, short },
    slots: pick(dice, [2, 3, 4, 4]) as number,
    segmentBytes: pick(dice, [4096, 4096, 16_384]) as number,
    lock: {
      kind: pick(dice, ['none', 'kernel', 'kernel', 'lockfile'] as const) as LockClimate['kind'],
      timeoutMs: pick(dice, [0, 2, 20]) as number,
      strict: dice() < 0.2,
    },
    os: dice() < 0.2,
    autoCompact: !git && dice() < 0.25,
    keyWindow: pick(dice, [3, 10, 30, 100_000]) as number,
    damage,
  };
}
