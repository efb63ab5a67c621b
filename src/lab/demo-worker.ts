import { setTimeout } from 'node:timers/promises';
import { Wal } from '../index.ts';
import type { Job, Order, Report } from './demo-messages.ts';
import { readShare } from './history.ts';

/*
 * One of the demo's processes: opens the log for itself, appends its share of the history, and tells its parent what
 * was acknowledged.
 */

const REPORT_MS = 100;
/** How long what is on its way may take to arrive once the parent is gone. */
const PARTING_MS = 5000;

let stopping = false;
let begin: (at: number) => void = () => {};
const begun = new Promise<number>((resolve) => {
  begin = resolve;
});

// A terminal sends Ctrl-C to parent and children alike; the parent then says stop, and what is on its way arrives.
process.on('SIGINT', () => {});
process.on('message', (order: Order) => {
  if (order.kind === 'job') void work(order.job);
  else if (order.kind === 'start') begin(order.at);
  else stop();
});
process.on('disconnect', () => {
  stop();
  setTimeout(PARTING_MS, undefined, { ref: false }).then(() => process.exit(1));
});

function stop(): void {
  stopping = true;
  begin(0);
}

async function work(job: Job): Promise<void> {
  try {
    await appendShare(job);
  } catch (error) {
    process.exitCode = 1;
    await tell({ kind: 'failed', at: Date.now(), message: (error as Error).message });
  }
  if (process.connected) process.disconnect();
}

async function appendShare({ directory, lock, durability, inFlight, source, share }: Job): Promise<void> {
  const wal = await Wal.open(directory, { lock, durability });
  const entries = readShare(source, share);
  // Read ahead, so that the start finds every process with its first entry in hand.
  let first: ReturnType<typeof entries.next> | undefined = entries.next();
  let appends: number[] = [];
  let told = 0;

  const tellAppends = () => {
    const report: Report = { kind: 'acknowledged', appends };
    appends = [];
    told = performance.now();
    return tell(report);
  };
  const appendOneByOne = async () => {
    while (!stopping) {
      const read = first ?? entries.next();
      first = undefined;
      const next = await read;
      if (next.done) return;
      const called = performance.now();
      const { seq } = await wal.append(next.value.entry);
      const now = performance.now();
      appends.push(next.value.number, seq, Math.round((now - called) * 1000));
      // Waiting for it also lets the event loop turn: appends that are synced at once never do.
      if (now - told > REPORT_MS) await tellAppends();
    }
  };

  try {
    await first;
    await tell({ kind: 'ready' });
    await setTimeout(Math.max(0, (await begun) - Date.now()));
    const results = await Promise.allSettled(Array.from({ length: inFlight }, appendOneByOne));
    const at = Date.now();
    await tellAppends();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    await tell({ kind: 'ended', at, stats: wal.stats() });
  } finally {
    await entries.return();
    await wal.close();
  }
}

/** Resolves once the parent has it, or is gone. */
function tell(report: Report): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) resolve();
    else process.send(report, () => resolve());
  });
}
