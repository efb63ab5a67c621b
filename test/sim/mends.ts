import { restoreLog } from '../../src/copy/restore.ts';
import type { WalOptions } from '../../src/index.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import { repairLog } from '../../src/repair/repair.ts';
import type { Surroundings } from '../../src/setup/environment.ts';
import { LOG } from '../crash/workload.ts';
import type { MendName } from './decisions.ts';
import type { SimWorld } from './model.ts';

/** What a process has that mends a log, and need not have it open. */
export interface Mender {
  readonly world: SimWorld;
  readonly dice: Dice;
  readonly surroundings: Surroundings;
  readonly lock: NonNullable<WalOptions['lock']>;
  readonly isAlive: boolean;
}

/** Each rejects with what the log rejects with. */
export const MENDS: Readonly<Record<MendName, (mender: Mender) => Promise<void>>> = {
  salvage: (mender) => mend(mender, 'salvage'),
  tail: (mender) => mend(mender, 'tail'),
  restore,
};

async function mend(mender: Mender, mode: 'salvage' | 'tail'): Promise<void> {
  const { world, surroundings, lock } = mender;
  const { beliefs } = world;
  const { reasons } = await repairLog(surroundings, LOG, { mode }, lock);
  if (mender.isAlive) await world.mended(mode, reasons, beliefs);
}

/** Makes a log of its own of this one, or of a backup. */
async function restore(mender: Mender): Promise<void> {
  const { world, dice, surroundings } = mender;
  const { beliefs, copies } = world;
  const { highest } = beliefs;
  const backup = dice() < 0.5 ? copies.backup : undefined;
  const path = world.newRestore();
  if (path === undefined) return;
  const onDamage = pick(dice, ['error', 'cut'] as const);
  const { seq } = await restoreLog(surroundings, backup ?? LOG, path, { onDamage });
  if (!mender.isAlive) return;
  const isOfLog = backup === undefined && !beliefs.isDamaged && beliefs === world.beliefs;
  if (isOfLog && seq < highest)
    world.fault(`a restored log ends at entry ${seq}, though ${highest} had been acknowledged before`);
  await world.restored(path, seq);
}
