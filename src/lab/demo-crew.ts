import { type ChildProcess, fork } from 'node:child_process';
import type { WalStats } from '../index.ts';
import type { Job, Order, Report } from './demo-messages.ts';
import { scriptUrl } from './script.ts';

/** What became of one of the processes. */
export interface Member {
  readonly process: number;
  pid: number | undefined;
  /** Entries it is to append. */
  readonly share: number;
  acknowledged: number;
  /** Where it did not end as it should: what happened. */
  problem: string | undefined;
  /** Milliseconds since the epoch at which it had its last entry acknowledged, or failed. */
  endedAt: number | undefined;
  stats: WalStats | undefined;
}

export interface CrewObserver {
  /** All are running, and begin at that moment (milliseconds since the epoch). */
  started(at: number): void;
  acknowledged(entry: number, seq: number, microseconds: number): void;
}

/** From the word to start until it counts: time for it to reach every process. */
const LEAD_MS = 20;
/** How long processes told to stop may take before they are killed. */
const PARTING_MS = 5000;

const WORKER = scriptUrl('lab/demo-worker');

export function newMembers(processes: number, entries: number): Member[] {
  return Array.from({ length: processes }, (_, process) => ({
    process,
    pid: undefined,
    share: Math.floor((entries - process + processes - 1) / processes),
    acknowledged: 0,
    problem: undefined,
    endedAt: undefined,
    stats: undefined,
  }));
}

/**
 * Runs the members, each as a process of its own, from a common start until all have ended, and keeps what they tell.
 * `signal` has them stop once what is on its way is acknowledged.
 */
export async function runCrew(
  job: Omit<Job, 'share'> & { readonly share: Omit<Job['share'], 'process'> },
  members: readonly Member[],
  observer: CrewObserver,
  signal: AbortSignal,
): Promise<void> {
  const crew = members.map((member) => new Worker(member, observer));
  const kill = () => {
    for (const worker of crew) worker.kill();
  };
  let patience: NodeJS.Timeout | undefined;
  const stop = () => {
    for (const worker of crew) worker.order({ kind: 'stop' });
    patience = setTimeout(kill, PARTING_MS);
  };
  process.once('exit', kill);
  try {
    for (const worker of crew) {
      const share = { ...job.share, process: worker.member.process };
      worker.order({ kind: 'job', job: { ...job, share } });
    }
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    await Promise.all(crew.map((worker) => worker.ready));
    if (!signal.aborted) {
      const at = Date.now() + LEAD_MS;
      observer.started(at);
      for (const worker of crew) worker.order({ kind: 'start', at });
    }
    await Promise.all(crew.map((worker) => worker.ended));
  } finally {
    clearTimeout(patience);
    signal.removeEventListener('abort', stop);
    process.removeListener('exit', kill);
  }
}

/** The parent's side of one process. */
class Worker {
  readonly member: Member;
  readonly #observer: CrewObserver;
  readonly #child: ChildProcess;
  /** Resolves once it waits for the start, or has ended. */
  readonly ready: Promise<void>;
  /** Resolves once it is gone and all that it told has arrived. */
  readonly ended: Promise<void>;
  #setReady: () => void = () => {};
  #complaint = '';

  constructor(member: Member, observer: CrewObserver) {
    this.member = member;
    this.#observer = observer;
    // With NODE_DEBUG its messages are wanted as they come; otherwise they only explain its end.
    const stderr = process.env.NODE_DEBUG ? 'inherit' : 'pipe';
    this.#child = fork(WORKER, { stdio: ['ignore', 'ignore', stderr, 'ipc'] });
    member.pid = this.#child.pid;
    this.ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    this.ended = this.#watch();
  }

  order(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => {});
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #watch(): Promise<void> {
    const { member } = this;
    const child = this.#child;
    child.on('message', (report: Report) => this.#hear(report));
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#complaint = (this.#complaint + bytes.toString()).slice(-2000);
    });
    const gone = new Promise<string>((resolve) => {
      child.once('close', (code, signal) =>
        resolve(signal === null ? `ended with exit code ${code}` : `was killed (${signal})`),
      );
      child.once('error', (error) => resolve(`could not be run (${error.message})`));
    });
    // Its last messages may arrive after it is gone; the channel closes behind them.
    const told = new Promise<void>((resolve) => {
      if (child.connected) child.once('disconnect', resolve);
      else resolve();
    });
    const [end] = await Promise.all([gone, told]);
    member.endedAt ??= Date.now();
    if (member.stats === undefined)
      member.problem ??= [end, this.#complaint.trim()].filter((part) => part !== '').join(': ');
    this.#setReady();
  }

  #hear(report: Report): void {
    const { member } = this;
    if (report.kind === 'ready') {
      this.#setReady();
    } else if (report.kind === 'acknowledged') {
      const { appends } = report;
      for (let i = 0; i + 2 < appends.length; i += 3) {
        this.#observer.acknowledged(appends[i] as number, appends[i + 1] as number, appends[i + 2] as number);
      }
      member.acknowledged += appends.length / 3;
    } else {
      member.endedAt = report.at;
      if (report.kind === 'ended') member.stats = report.stats;
      else member.problem = `failed: ${report.message}`;
    }
  }
}
