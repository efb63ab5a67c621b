import { systemClock } from '../clock/clock.ts';
import { Wal, type WalError, type WalOptions } from '../index.ts';
import { realEnvironment } from '../setup/environment.ts';
import { changedEnvironment, changedStorage } from './wrapped-storage.ts';

/** What a process that appends is to do. */
export interface AppendJob {
  readonly directory: string;
  readonly options?: WalOptions;
  /** The entries' ids are `{client}n{number}`. */
  readonly client: string;
  /** How many to append; absent: until told `stop`. */
  readonly count?: number;
  /** How many may be on their way at once. Default 1. */
  readonly inFlight?: number;
  /** Bytes of data in each. Default 0. */
  readonly bytes?: number;
  readonly expect?: number;
  /** Give each entry its id as idempotency key. */
  readonly keyed?: boolean;
  /** Linger this long, at most, between looking at the log and writing to it, so that a blow often falls just there. */
  readonly lingerMs?: number;
  /** Stop, as by SIGSTOP, between looking at the log and the first write to it. */
  readonly stopsItself?: boolean;
  /** Wait for `open` before opening the log. */
  readonly openTogether?: boolean;
}

/** What it says. */
export type AppendNews =
  | { readonly kind: 'waiting' | 'ready' }
  | { readonly kind: 'ack'; readonly id: string; readonly seq: number; readonly duplicate: boolean }
  | {
      readonly kind: 'failed';
      readonly id: string;
      readonly code: string;
      readonly outcome: string | undefined;
      readonly head: number | undefined;
    }
  | { readonly kind: 'done'; readonly superseded: number; readonly slowestMs: number };

const job = JSON.parse(process.argv[2] as string) as AppendJob;
const say = (news: AppendNews) => process.send?.(news, () => {});
const told = (word: string) =>
  new Promise<void>((resolve) => {
    process.on('message', (message) => message === word && resolve());
  });

let stopped = false;
told('stop').then(() => {
  stopped = true;
});
const go = told('go');
const open = told('open');
// Without its parent it has nobody to report to.
process.on('disconnect', () => process.exit());

if (job.openTogether) {
  say({ kind: 'waiting' });
  await open;
}
const { lingerMs } = job;
let stopping = job.stopsItself ?? false;
const lingering = changedStorage(
  {},
  {
    append: (file, pieces) => {
      if (lingerMs !== undefined) systemClock.block(lingerMs * Math.random());
      if (stopping) process.kill(process.pid, 'SIGSTOP');
      stopping = false;
      return file.append(pieces);
    },
  },
);
const environment =
  lingerMs === undefined && !stopping ? realEnvironment : changedEnvironment({ storage: lingering });
const wal = await Wal.openIn(environment, job.directory, job.options);
say({ kind: 'ready' });
await go;

const text = 'x'.repeat(job.bytes ?? 0);
let number = 0;
let slowestMs = 0;

async function append(): Promise<void> {
  const id = `${job.client}n${number++}`;
  const start = performance.now();
  try {
    const { seq, duplicate = false } = await wal.append(
      { op: 'add', id, ...(text && { data: { text } }) },
      {
        ...(job.expect !== undefined && { expect: { seq: job.expect } }),
        ...(job.keyed && { key: id }),
      },
    );
    say({ kind: 'ack', id, seq, duplicate });
  } catch (error) {
    const { code, outcome, head } = error as WalError;
    say({ kind: 'failed', id, code: code ?? String(error), outcome, head: head?.seq });
    // It would only fail again, at once and for ever.
    stopped ||= code === 'ERR_WAL_LATCHED';
  }
  slowestMs = Math.max(slowestMs, performance.now() - start);
}

async function lane(): Promise<void> {
  while (!stopped && number < (job.count ?? Infinity)) await append();
}
await Promise.all(Array.from({ length: job.inFlight ?? 1 }, lane));
const { superseded } = wal.stats();
await wal.close();
say({ kind: 'done', superseded, slowestMs });
process.disconnect?.();
