/* What scenarios share in which clients are killed and stopped at random. */

import { setTimeout as wait } from 'node:timers/promises';
import type { ResultLine, Victim } from '../model.ts';
import { isWriting } from '../operations/operation.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Mark } from '../operations/run-record.ts';
import { quantile } from '../quantile.ts';
import type { Role, Scene } from '../scenario.ts';
import { pick } from '../seeded.ts';

export interface Storm {
  /** How many blows there are, unless it ends before. */
  readonly blows: number;
  /** Of them, the share that kills; the others stop a client for a while. */
  readonly kills: number;
  /** The most clients that are down at once: stopped, or just starting. */
  readonly down: number;
  /** Between two blows, at most, in milliseconds. */
  readonly pauseMs: number;
  /** How long a client is stopped, at most, in milliseconds. */
  readonly stopMs: number;
}

/** Of the blows, the share that is aimed at a client that is just starting, where there is one. */
const EARLY = 0.2;
/** How long a client may take to start, in milliseconds: an early blow hits it anywhere in there. */
const START_MS = 200;

/** Kills and stops clients at random: where steps bound the run, as often as there are clients, for each step. None is stopped when it ends. */
export async function strike(
  scene: Scene,
  { blows: asked, kills, down, pauseMs, stopMs }: Storm,
): Promise<void> {
  const { victims, steps, dice, signal } = scene;
  const blows = Math.min(asked, steps * victims.length);
  const pause = (ms: number) => wait(ms, undefined, { signal }).catch(() => {});
  const waking: Promise<void>[] = [];
  const wake = async (victim: Victim) => {
    await pause(dice() * stopMs);
    victim.resume();
  };
  for (let blow = 0, early = false; blow < blows && !signal.aborted; ) {
    await pause(1 + dice() * (early ? START_MS : pauseMs));
    const all = victims.filter(({ running }) => running);
    const up = all.filter(({ stopped, active }) => !stopped && active);
    const starting = all.filter(({ stopped, active }) => !stopped && !active);
    const isFull = all.length - up.length >= down;
    const victim = pick(dice, early && starting.length > 0 ? starting : isFull ? [] : up);
    if (victim === undefined) continue;
    if (dice() < kills) blow += victim.kill() ? 1 : 0;
    else {
      blow++;
      victim.stop();
      waking.push(wake(victim));
    }
    early = dice() < EARLY;
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
export function nextAfterKills({
  operations,
  marks,
}: Pick<RunEvidence, 'operations' | 'marks'>): Float64Array {
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

/** Those of them that count, as such a scenario tells them. */
export function tellNext(waits: Float64Array): ResultLine[] {
  return (
    [
      ['p50', 0.5],
      ['p99', 0.99],
      ['slowest', 1],
    ] as const
  ).flatMap(([name, share]) => {
    const ms = quantile(waits, share);
    return ms === undefined
      ? []
      : [[`Next append after a kill, ${name}, ms`, Math.round(ms * 100) / 100] as const];
  });
}

/** What such a scenario tells at its end. */
export function blowsIn({ marks }: RunEvidence): ResultLine[] {
  const count = (kind: Mark['kind']) => marks.filter((mark) => mark.kind === kind).length;
  return [
    ['Killed', count('killed')],
    ['Stopped', count('stopped')],
  ];
}
