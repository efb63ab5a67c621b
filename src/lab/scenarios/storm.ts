/* What scenarios share in which clients are killed and stopped at random. */

import { setTimeout as wait } from 'node:timers/promises';
import type { Evidence } from '../operations/evidence.ts';
import { isWriting } from '../operations/operation.ts';
import type { Mark } from '../operations/run-record.ts';
import { quantile } from '../quantile.ts';
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

/**
 * How long, after each kill, the next write to be acknowledged took: from the kill, or from its own start if that came
 * after; in milliseconds, in order of size. A lock that outlives its holder shows here.
 */
export function nextAfterKills({ operations, marks }: Pick<Evidence, 'operations' | 'marks'>): Float64Array {
  const writes = operations
    .filter((operation) => isWriting(operation) && operation.outcome === 'acknowledged')
    .sort((a, b) => a.end - b.end);
  const waits: number[] = [];
  let next = 0;
  for (const { kind, at } of marks) {
    if (kind !== 'killed') continue;
    while ((writes[next]?.end ?? Number.POSITIVE_INFINITY) <= at) next++;
    const write = writes[next];
    if (write !== undefined) waits.push((write.end - Math.max(at, write.start)) / 1000);
  }
  return Float64Array.from(waits).sort();
}

/** The two of them that count, as such a scenario tells them. */
export function tellNext(waits: Float64Array): ResultLine[] {
  const told = (share: number) => Math.round(quantile(waits, share) * 100) / 100;
  return [
    ['Next append after a kill, p50, ms', told(0.5)],
    ['Next append after a kill, p99, ms', told(0.99)],
    ['Next append after a kill, slowest, ms', told(1)],
  ];
}

/** What such a scenario tells at its end. */
export function blowsIn({ marks }: Evidence): ResultLine[] {
  const count = (kind: Mark['kind']) => marks.filter((mark) => mark.kind === kind).length;
  return [
    ['Killed', count('killed')],
    ['Stopped', count('stopped')],
  ];
}
