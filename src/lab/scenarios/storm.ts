/* What scenarios share in which clients are killed and stopped at random. */

import { setTimeout as wait } from 'node:timers/promises';
import type { Evidence } from '../operations/evidence.ts';
import type { Mark } from '../operations/run-record.ts';
import type { ResultLine, Role, Scene, Victim } from '../scenario.ts';
import { pick } from '../seeded.ts';

export interface Storm {
  /** How many blows there are, unless it ends before. */
  readonly blows: number;
  /** Of them, the share that kills; the others stop a client for a while. */
  readonly kills: number;
  /** Between two blows, at most, in milliseconds. */
  readonly pauseMs: number;
  /** How long a client is stopped, at most, in milliseconds. */
  readonly stopMs: number;
}

/** Of the blows that kill, the share that may hit a client that has come to nothing yet: it may be just starting. */
const EARLY = 0.2;

/** Kills and stops clients at random, never more than half of them at once. None is stopped when it ends. */
export async function strike(scene: Scene, { blows, kills, pauseMs, stopMs }: Storm): Promise<void> {
  const { victims, dice, signal } = scene;
  const waking: Promise<void>[] = [];
  const wake = async (victim: Victim) => {
    await wait(dice() * stopMs);
    victim.resume();
  };
  for (let blow = 0; blow < blows && !signal.aborted; ) {
    await wait(1 + dice() * pauseMs);
    const early = dice() < EARLY;
    const isKill = dice() < kills;
    const all = victims.filter(({ running }) => running);
    const down = all.filter(({ stopped, active }) => stopped || !active).length;
    // Killed faster than they start, in the end none of them would come to anything.
    if (down > all.length / 2) continue;
    const victim = pick(
      dice,
      all.filter(({ stopped, active }) => !stopped && (active || early)),
    );
    if (victim === undefined) continue;
    if (isKill) blow += victim.kill() ? 1 : 0;
    else {
      blow++;
      victim.stop();
      waking.push(wake(victim));
    }
  }
  await Promise.all(waking);
}

/** Writes this and that, until the storm is over. */
export const stormWriter: Role = {
  name: 'writer',
  clients: (all) => all,
  until: 'others',
  step: async ({ store, name, iteration, dice }) => {
    const text = 'x'.repeat(dice() < 0.1 ? 5000 : dice() * 300);
    const id = `storm-${name}-${iteration}`;
    if (dice() < 0.8) await store.append({ op: 'add', id, data: { text } });
    else
      await store.appendBatch([
        { op: 'add', id, data: { text } },
        { op: 'add', id: `${id}-too` },
      ]);
  },
};

/** What such a scenario tells at its end. */
export function blowsIn({ marks }: Evidence): ResultLine[] {
  const count = (kind: Mark['kind']) => marks.filter((mark) => mark.kind === kind).length;
  return [
    ['Killed', count('killed')],
    ['Stopped', count('stopped')],
  ];
}
