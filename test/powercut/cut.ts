import { setTimeout as sleep } from 'node:timers/promises';
import { Wal } from '../../src/index.ts';
import type { AppendJob, AppendNews } from '../../src/lab/append-process.ts';
import { Child } from '../../src/lab/child.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import type { CompactJob, CompactNews } from '../support/compact-process.ts';
import { faultsIn } from '../support/oracle.ts';
import { ownScript } from '../support/own-script.ts';
import type { Device } from './device.ts';

/** Small, so that rotation and compaction are cut in the middle, too. */
const OPTIONS = { segmentBytes: 16_384 } as const;
const WRITERS = 4;
/** The power is cut so long after all write, at most, in milliseconds. */
const LATEST_MS = 150;

/** A log over all the cuts that it lives through. */
export class CutLog {
  readonly directory: string;
  /** Seqs by id, of all that was acknowledged. */
  readonly acknowledged = new Map<string, number>();
  #clients = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** A client that no earlier one is named like. */
  nextClient(): string {
    return `p${this.#clients++}`;
  }
}

/**
 * Lets processes write to a log on a disk, while another compacts it, cuts the power at a random moment, and opens what is
 * there then, for writing. Answers what does not hold.
 */
export async function cutPower(device: Device, log: CutLog, dice: Dice): Promise<string[]> {
  const { directory, acknowledged } = log;
  const writers = Array.from({ length: WRITERS }, () => {
    const job: AppendJob = {
      directory,
      options: OPTIONS,
      client: log.nextClient(),
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
  const compactor = new Child<CompactNews>(ownScript('compact-process'), compaction);
  const all = [...writers, compactor];
  try {
    await Promise.all(writers.map((child) => child.told(({ kind }) => kind === 'ready')));
    for (const child of writers) child.send('go');
    await Promise.all(writers.map((child) => child.told(({ kind }) => kind === 'ack')));
    await sleep(dice() * LATEST_MS);
    const heard = writers.flatMap(({ messages }) => messages);
    device.freeze();
    for (const news of heard) if (news.kind === 'ack') acknowledged.set(news.id, news.seq);
  } finally {
    for (const child of all) child.signal('SIGKILL');
    await Promise.all(all.map(({ ended }) => ended));
  }
  device.thaw();
  // As the next process that writes finds it.
  const wal = await Wal.open(directory, OPTIONS);
  try {
    return await faultsIn(wal, { acknowledged });
  } finally {
    await wal.close();
  }
}
