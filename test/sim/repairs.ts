import { restoreLog } from '../../src/copy/restore.ts';
import type { WalOptions } from '../../src/index.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import { repairLog } from '../../src/repair/repair.ts';
import type { Environment } from '../../src/setup/environment.ts';
import { LOG } from '../crash/workload.ts';
import type { RepairName } from './decisions.ts';
import type { SimWorld } from './model.ts';

/** What a process has that mends a log, and need not have it open. */
export interface Repairer {
  readonly world: SimWorld;
  readonly dice: Dice;
  readonly environment: Environment;
  readonly lock: NonNullable<WalOptions['lock']>;
  readonly isAlive: boolean;
}

/** Each rejects with what the log rejects with. */
export const REPAIRS: Readonly<Record<RepairName, (repairer: Repairer) => Promise<void>>> = {
  salvage: (repairer) => repair(repairer, 'salvage'),
  tail: (repairer) => repair(repairer, 'tail'),
  restore,
};

async function repair(repairer: Repairer, mode: 'salvage' | 'tail'): Promise<void> {
  const { world, environment, lock } = repairer;
  const { oracle } = world;
  const { reasons } = await repairLog(environment, LOG, { mode }, lock);
  if (repairer.isAlive) await world.repaired(mode, reasons, oracle);
}

/** Makes a log of its own of this one, or of a backup. */
async function restore(repairer: Repairer): Promise<void> {
  const { world, dice, environment } = repairer;
  const { oracle, copies } = world;
  const { highest } = oracle;
  const backup = dice() < 0.5 ? copies.backup : undefined;
  const path = world.newRestore();
  if (path === undefined) return;
  const onDamage = pick(dice, ['error', 'cut'] as const);
  const { seq } = await restoreLog(environment, backup ?? LOG, path, { onDamage });
  if (!repairer.isAlive) return;
  const isOfLog = backup === undefined && !oracle.isDamaged && oracle === world.oracle;
  if (isOfLog && seq < highest)
    world.fault(`a restored log ends at entry ${seq}, though ${highest} had been acknowledged before`);
  await world.restored(path, seq);
}
