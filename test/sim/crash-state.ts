import { type Dice, pick } from '../../src/lab/seeded.ts';
import { type CrashState, type Damaged, unsynced } from '../crash/crash-states.ts';
import type { Effect } from '../disk/effect.ts';

const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;

/** What becomes of what was not synced, as the dice fall: lost in any order, cut at any byte, or with zeros for pages. */
export function crashStateOf(effects: readonly Effect[], dice: Dice): CrashState {
  const open = unsynced(effects, effects.length);
  const share = pick(dice, [0, 1, dice()]) as number;
  const lost = new Set(open.filter(() => dice() < share));
  const kept = open.filter((number) => effects[number]?.kind === 'write' && !lost.has(number));
  const damages = pick(dice, [0, 1, 1, 2]) as number;
  const damaged = new Map<number, Damaged>();
  for (let i = 0; i < damages; i++) {
    const effect = pick(dice, kept);
    if (effect !== undefined) damaged.set(effect, damageOf(effects, effect, dice));
  }
  for (const number of open)
    if (lacksBeginning(effects, number, (each) => lost.has(each) || damaged.has(each))) {
      lost.add(number);
      damaged.delete(number);
    }
  return { lost, damaged: [...damaged.values()] };
}

/**
 * Whether it is the second part of a write, and what lies before it, from the first part on, is not whole: a log whose end is
 * kept so is in doubt, as FORMAT.md says, and nobody could go on.
 */
function lacksBeginning(
  effects: readonly Effect[],
  number: number,
  isHarmed: (effect: number) => boolean,
): boolean {
  const rest = effects[number];
  if (rest?.kind !== 'write' || rest.restOf === undefined) return false;
  const { restOf, inode } = rest;
  return effects.slice(restOf, number).some((effect, i) => {
    return effect.kind === 'write' && effect.inode === inode && isHarmed(restOf + i);
  });
}

function damageOf(effects: readonly Effect[], effect: number, dice: Dice): Damaged {
  const { bytes, offset } = effects[effect] as Extract<Effect, { kind: 'write' }>;
  const at = Math.floor(dice() * bytes.length);
  if (dice() < 0.5) return { effect, damage: { kind: 'cut', bytes: at } };
  const unit = pick(dice, [SECTOR_BYTES, PAGE_BYTES]) as number;
  const from = Math.max(0, at - ((offset + at) % unit));
  const to = dice() < 0.5 ? bytes.length : Math.min(bytes.length, from + unit - ((offset + from) % unit));
  return { effect, damage: { kind: 'zeros', from, to } };
}
