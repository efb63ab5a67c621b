import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** The system counts by the hundredth of a second. */
const LOOK_MS = 250;

/** How much of the machine's processor time nobody uses just now, in per cent. */
export async function idleShare(): Promise<number> {
  const before = used();
  await sleep(LOOK_MS);
  const after = used();
  return (100 * (after.idle - before.idle)) / (after.all - before.all);
}

function used(): { readonly idle: number; readonly all: number } {
  const times = cpus().map(({ times }) => times);
  return {
    idle: times.reduce((sum, { idle }) => sum + idle, 0),
    all: times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0),
  };
}
