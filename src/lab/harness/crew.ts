import { setMaxListeners } from 'node:events';
import { badArgument } from '../../options/options.ts';
import { instant } from '../operations/instant.ts';
import type { Mark } from '../operations/run-record.ts';
import type { RunSettings } from '../result.ts';
import type { Scenario, Scene } from '../scenario.ts';
import { Member, type Part } from './member.ts';
import type { Job } from './messages.ts';
import type { LabEvent } from './options.ts';
import type { Tally } from './recorded-store.ts';

/** From the word to start until it counts: time for it to reach everybody. */
const LEAD_MS = 10;
const PROGRESS_MS = 250;
/** How long clients told to stop may take before they are ended. */
const PARTING_MS = 10_000;

export interface CrewOptions {
  readonly settings: RunSettings;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly tell: (event: LabEvent) => void;
  /** Runs beside the clients from their start on. */
  readonly meanwhile: (beside: Beside) => Promise<void>;
}

/** What runs beside the clients is given. */
export type Beside = Pick<Scene, 'victims' | 'signal' | 'mark'>;

export interface CrewReport {
  readonly members: readonly Member[];
  /** Of `instant()`: the common start. */
  readonly start: number;
  /** What was done to the clients, or to the lock. */
  readonly marks: readonly Mark[];
}

/** Who plays what. Throws ERR_WAL_ARGUMENT where the clients do not suffice for the roles. */
export function partsOf(
  scenario: Scenario,
  { clients, iterations, as, seconds, params }: RunSettings,
): Part[] {
  const parts: Part[] = [];
  const limits = scenario.limits?.(params) ?? {};
  for (const [
    role,
    { name, clients: share, until, iterations: own, as: ownKind },
  ] of scenario.roles.entries()) {
    const count = share(clients);
    if (count < 1)
      throw badArgument(`${scenario.name} needs more than ${clients} clients: there is none to be ${name}`);
    const untilOthers = until === 'others';
    const bound = untilOthers || seconds !== undefined ? undefined : (own?.(iterations) ?? iterations);
    for (let i = 0; i < count; i++)
      parts.push({
        client: String(parts.length),
        role,
        roleName: name,
        iterations: bound,
        untilOthers,
        as: ownKind ?? as,
        limits,
      });
  }
  return parts;
}

/**
 * Runs the clients from a common start until all are done, bounded in time. When this resolves or rejects, none of them
 * is left.
 */
export async function runCrew(
  parts: readonly Part[],
  shared: Pick<Job, 'common' | 'scenario' | 'target' | 'journals'>,
  { settings, timeoutMs, signal, tell, meanwhile }: CrewOptions,
): Promise<CrewReport> {
  const members: Member[] = [];
  const marks: Mark[] = [];
  const mark = (kind: Mark['kind'], client?: string) => void marks.push({ at: instant(), kind, client });
  const done = new AbortController();
  setMaxListeners(0, done.signal);
  const timers: NodeJS.Timeout[] = [];
  const later = (ms: number, act: () => void) => timers.push(setTimeout(act, ms));
  const killAll = (why?: string) => {
    for (const member of members) if (member.running) member.end(why);
  };
  const stop = (which: readonly Member[]) => {
    for (const member of which) member.send({ kind: 'stop' });
  };
  const interrupt = () => {
    stop(members);
    done.abort();
    later(PARTING_MS, () => killAll());
  };
  const abandon = () => killAll();
  process.once('exit', abandon);
  try {
    for (const part of parts) members.push(new Member(part, shared, mark));
    later(timeoutMs, () => killAll(`was still running after ${timeoutMs} ms, and was ended`));
    for (const member of members) {
      member.ended.then(() => {
        const { client, problems } = member.report;
        tell({ kind: 'ended', client, problems });
      });
    }
    if (signal?.aborted) interrupt();
    else signal?.addEventListener('abort', interrupt, { once: true });
    await Promise.all(members.map(({ ready }) => ready));
    const start = instant() + LEAD_MS * 1000;
    for (const member of members) if (!signal?.aborted) member.send({ kind: 'go', at: start });
    tell({ kind: 'started', clients: members.length });
    const [followers, leaders] = [true, false].map((follows) =>
      members.filter(({ part }) => part.untilOthers === follows),
    ) as [Member[], Member[]];
    const isStorm = leaders.length === 0;
    const timeOut = () => (isStorm ? done.abort() : stop(leaders));
    if (settings.seconds !== undefined) later(LEAD_MS + settings.seconds * 1000, timeOut);
    const progress = setInterval(() => tell(progressOf(members, start, settings)), PROGRESS_MS);
    timers.push(progress);
    const beside = meanwhile({ victims: members, signal: done.signal, mark });
    // Told by the awaiting of it below.
    beside.catch(() => {});
    await Promise.all(leaders.map(({ ended }) => ended));
    // Those that were ended, because it took too long, do not wait for it.
    if (isStorm) await Promise.race([beside, Promise.all(members.map(({ ended }) => ended))]);
    stop(followers);
    await Promise.all(members.map(({ ended }) => ended));
    done.abort();
    await beside;
    return { members, start, marks };
  } finally {
    done.abort();
    for (const timer of timers) clearTimeout(timer);
    signal?.removeEventListener('abort', interrupt);
    killAll();
    await Promise.all(members.map(({ ended }) => ended));
    process.removeListener('exit', abandon);
  }
}

function progressOf(members: readonly Member[], start: number, { seconds: limit }: RunSettings): LabEvent {
  const tally: Tally = { acknowledged: 0, refused: 0, unknown: 0 };
  for (const member of members) {
    const { acknowledged, refused, unknown } = member.tally;
    tally.acknowledged += acknowledged;
    tally.refused += refused;
    tally.unknown += unknown;
  }
  const seconds = Math.max(0, (instant() - start) / 1e6);
  const left = limit === undefined ? undefined : Math.max(0, limit - seconds);
  return {
    kind: 'progress',
    tally,
    active: members.filter(({ running }) => running).length,
    seconds,
    left,
  };
}
