import { setTimeout as sleep } from 'node:timers/promises';
import { Wal } from '../../index.ts';
import type { AppendJob, AppendNews } from '../append-process.ts';
import { Child } from '../child.ts';
import type { CompactJob, CompactNews } from '../compact-process.ts';
import { type Dice, pick } from '../seeded.ts';
import type { Device } from './device.ts';

/** Small, so that rotation and compaction are cut in the middle, too. */
const OPTIONS = { segmentBytes: 16_384 } as const;
const WRITERS = 4;
/** The power is cut so long after all write, at most, in milliseconds. */
const LATEST_MS = 150;

/** What was told to be safe, over all cuts of one log. */
export class Told {
  /** Seqs by id. */
  readonly acknowledged = new Map<string, number>();
  #clients = 0;

  nextClient(): string {
    return `p${this.#clients++}`;
  }
}

/**
 * Lets processes write to a log on a disk, while another compacts it, cuts the power at a random moment, and opens what is
 * there then. Answers what does not hold.
 */
export async function cutPower(device: Device, directory: string, told: Told, dice: Dice): Promise<string[]> {
  const writers = Array.from({ length: WRITERS }, () => {
    const job: AppendJob = {
      directory,
      options: OPTIONS,
      client: told.nextClient(),
      inFlight: pick(dice, [1, 4, 16]) as number,
      bytes: pick(dice, [0, 100, 1000]) as number,
    };
    return new Child<AppendNews>('append-process', job);
  });
  const compaction: CompactJob = {
    directory,
    options: OPTIONS,
    retain: pick(dice, [1, 2]) as number,
    pauseMs: 20,
  };
  const compactor = new Child<CompactNews>('compact-process', compaction);
  const all = [...writers, compactor];
  try {
    await Promise.all(writers.map((child) => child.told(({ kind }) => kind === 'ready')));
    for (const child of writers) child.send('go');
    await Promise.all(writers.map((child) => child.told(({ kind }) => kind === 'ack')));
    await sleep(dice() * LATEST_MS);
    const heard = writers.flatMap(({ messages }) => messages);
    device.freeze();
    for (const news of heard) if (news.kind === 'ack') told.acknowledged.set(news.id, news.seq);
  } finally {
    for (const child of all) child.signal('SIGKILL');
    await Promise.all(all.map(({ ended }) => ended));
  }
  device.thaw();
  return faultsIn(directory, told);
}

/** What does not hold of a log, as the next process that opens it for writing finds it. */
async function faultsIn(directory: string, { acknowledged }: Told): Promise<string[]> {
  const faults: string[] = [];
  const wal = await Wal.open(directory, OPTIONS);
  try {
    const table = await wal.table();
    const items = new Map(table.list().map((item) => [item.id, item]));
    for (const [id, seq] of acknowledged) {
      const rev = items.get(id)?.rev;
      if (rev === undefined) faults.push(`${id} was acknowledged as entry ${seq}, and is lost`);
      else if (rev !== seq) faults.push(`${id} was acknowledged as entry ${seq}, and is entry ${rev}`);
    }
    for (const { id, version } of items.values())
      if (version !== 1) faults.push(`${id} is there ${version} times`);
    const { error, missing } = await wal.verify();
    if (error !== undefined) faults.push(`verify: ${error.message}`);
    for (const { from, to } of missing) faults.push(`verify: entries ${from} to ${to} are missing`);
  } finally {
    await wal.close();
  }
  return faults;
}
