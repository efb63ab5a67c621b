import { setTimeout as sleep } from 'node:timers/promises';
import { instant } from '../operations/instant.ts';
import { Journal } from '../operations/journal.ts';
import type { Role, Scenario } from '../scenario.ts';
import { SCENARIOS } from '../scenarios/all.ts';
import type { Target } from '../target.ts';
import { TARGETS } from '../targets/all.ts';
import { Client } from './client.ts';
import { openLink } from './link.ts';
import { load } from './load.ts';
import type { Job } from './messages.ts';
import { openFilesIn } from './open-files.ts';

/* One client, or one step of it, as a process or a thread of its own. */

const TALLY_MS = 200;

const link = openLink();
const { job } = link;
let stopped = false;
let begin: (at: number) => void = () => {};
const begun = new Promise<number>((resolve) => {
  begin = resolve;
});
link.hear((word) => {
  stopped ||= word.kind === 'stop';
  begin(word.kind === 'go' ? word.at : 0);
});

try {
  await work(job);
} catch (error) {
  await link.say({ kind: 'failed', message: (error as Error)?.stack ?? String(error) });
}
link.leave();

async function work(job: Job): Promise<void> {
  const scenario = await load<Scenario>(job.scenario, SCENARIOS);
  const target = await load<Target>(job.target, TARGETS);
  const journal = new Journal(job.journals, job.client, job.run);
  const client = new Client(job.common, target, journal, job.iterations ?? Infinity);
  try {
    await client.start();
    const waitedMs = job.atOnce ? 0 : await wait();
    await makeSteps(client, journal, scenario.roles[job.role] as Role, job);
    if (!link.isThread) client.measure('ms beyond starting node', sinceStart() - waitedMs);
  } finally {
    await client.end();
  }
  // The other threads' files are this thread's too.
  const open = link.isThread ? [] : openFilesIn(job.common.directory);
  await link.say({ kind: 'done', tally: client.tally, measures: client.measures, open });
}

/** Waits for the common start; answers for how long, in milliseconds. */
async function wait(): Promise<number> {
  const start = performance.now();
  await link.say({ kind: 'ready' });
  const at = await begun;
  await sleep(Math.max(0, (at - instant()) / 1000 - 1));
  // The last moment by spinning: a timer alone would set them apart by as much.
  while (instant() < at);
  return performance.now() - start;
}

async function makeSteps(client: Client, journal: Journal, role: Role, { from, to }: Job): Promise<void> {
  // After the first step, too: faults wait for it.
  let told = -Infinity;
  for (client.iteration = from; client.iteration < (to ?? Infinity); client.iteration++) {
    // Who is told that the others are done makes one more step: it sees what they left.
    const isLast = stopped;
    journal.step = client.iteration;
    await client.tried(role.step(client));
    if (isLast) return;
    if (performance.now() - told < TALLY_MS) continue;
    told = performance.now();
    // Also lets the event loop turn, and the word to stop arrive: what is done at once never would.
    await link.say({ kind: 'tally', tally: client.tally });
    await new Promise(setImmediate);
  }
}

/** Milliseconds since node itself was ready to run the program. */
function sinceStart(): number {
  return performance.now() - performance.nodeTiming.bootstrapComplete;
}
