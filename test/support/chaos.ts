import { setTimeout as sleep } from 'node:timers/promises';
import type { AppendJob, AppendNews } from '../../src/lab/append-process.ts';
import { Child } from '../../src/lab/child.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';

export interface Chaos {
  readonly directory: string;
  readonly options: NonNullable<AppendJob['options']>;
  readonly writers: number;
  readonly ms: number;
  /** Pause between two blows, at most, in milliseconds. */
  readonly pauseMs: number;
  /** As for each writer's job. */
  readonly lingerMs: number;
  /** How long a writer is stopped, at most. */
  readonly stopMs: number;
  /** Go on until this is true, too. */
  readonly until?: () => boolean;
  readonly dice: Dice;
}

/** What writers under fire reported, and who they were. */
export interface ChaosReport {
  readonly news: AppendNews[];
  readonly clients: string[];
  readonly kills: number;
  readonly stops: number;
}

/** Acknowledgements that a trial is worth: however slow the machine, it goes on until there are so many to be lost. */
const LEAST = 100;
const PATIENCE_MS = 300_000;
/** Where nothing is acknowledged meanwhile, blows are this far apart, so that somebody can come to append at all. */
const RECOVERY_MS = 250;

type Writer = Child<AppendNews>;

/**
 * Runs writers that append as fast as they can, while some are stopped, continued, and killed and replaced, at random.
 * Rejects where too little comes of it in five minutes. None of them is left.
 */
export async function underFire({ directory, options, writers, ms, ...chaos }: Chaos): Promise<ChaosReport> {
  const { dice, pauseMs, stopMs, lingerMs, until = () => true } = chaos;
  const clients: string[] = [];
  const all: Writer[] = [];
  const starting = new Set<Writer>();
  const stopped = new Set<Writer>();
  const waking: Promise<void>[] = [];
  let kills = 0;
  let stops = 0;

  const begin = () => {
    const client = `bd-p${clients.length}`;
    clients.push(client);
    const inFlight = pick(dice, [1, 1, 4, 16]) as number;
    const bytes = pick(dice, [0, 100, 300, 5000]) as number;
    const child: Writer = new Child('append-process', {
      directory,
      options,
      client,
      inFlight,
      bytes,
      lingerMs,
    } satisfies AppendJob);
    starting.add(child);
    child
      .told(({ kind }) => kind === 'ready')
      .then(
        () => child.send('go'),
        () => {},
      )
      .finally(() => starting.delete(child));
    all.push(child);
    return child;
  };
  const wakeLater = async (child: Writer, after: number) => {
    await sleep(after);
    child.signal('SIGCONT');
    stopped.delete(child);
  };

  const acknowledged = () =>
    all.reduce((sum, { messages }) => sum + messages.filter(({ kind }) => kind === 'ack').length, 0);
  let last = { at: 0, acknowledged: 0 };
  let killedAfter = -1;
  const strike = () => {
    if (stopped.size > writers / 2) return;
    const now = { at: performance.now(), acknowledged: acknowledged() };
    if (now.acknowledged === last.acknowledged && now.at - last.at < RECOVERY_MS) return;
    last = now;
    const child = pick(
      dice,
      all.filter((each) => each.running && !stopped.has(each)),
    );
    if (child === undefined) return;
    // Killed faster than they start and append, in the end none of them would come to anything.
    const spared = starting.size > writers / 4 || now.acknowledged === killedAfter;
    if (dice() < 0.8 || spared) {
      stops++;
      stopped.add(child);
      child.signal('SIGSTOP');
      waking.push(wakeLater(child, stopMs * dice()));
    } else {
      kills++;
      killedAfter = now.acknowledged;
      child.signal('SIGKILL');
      begin();
    }
  };

  try {
    for (let i = 0; i < writers; i++) begin();
    await Promise.all(all.map((child) => child.told(({ kind }) => kind === 'ready')));
    const start = performance.now();
    for (let past = 0; past < ms || acknowledged() < LEAST || !until(); past = performance.now() - start) {
      if (past > PATIENCE_MS) throw new Error(`after ${past} ms, ${acknowledged()} appends: not enough`);
      await sleep(1 + dice() * pauseMs);
      strike();
    }
    await Promise.all(waking);
    for (const child of all) {
      child.send('go');
      child.send('stop');
    }
    await Promise.all(all.map((child) => child.ended));
  } finally {
    for (const child of all) child.signal('SIGKILL');
  }
  return { news: all.flatMap(({ messages }) => messages), clients, kills, stops };
}
