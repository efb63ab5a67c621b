import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createHistogram } from 'node:perf_hooks';
import { hasCode, WalError } from '../errors/errors.ts';
import { Wal } from '../index.ts';
import { type Member, newMembers, runCrew } from './demo-crew.ts';
import type { Job } from './demo-messages.ts';
import { type DemoResult, isSound, type Problem, quantiles, secondsOf, workOf } from './demo-result.ts';
import { readHistory, type Source } from './history.ts';
import { fingerprint, Ledger } from './ledger.ts';

/** What is to be shown. */
export interface DemoPlan extends Pick<Job, 'lock' | 'durability' | 'inFlight' | 'source'> {
  /** Where the log is made; undefined: in a new directory among the system's temporary ones. */
  readonly directory: string | undefined;
  readonly processes: number;
}

/** How far it is, for whoever shows it. */
export interface DemoProgress {
  phase: 'reading' | 'appending' | 'verifying';
  entries: number;
  members: readonly Member[];
  /** Milliseconds since the epoch. */
  startedAt: number | undefined;
}

/**
 * Shows that many processes may append to one log: has them do it, then holds the log against what each was told.
 * Keeps `progress` up to date. `signal` ends it early; what was acknowledged until then is checked all the same.
 *
 * Rejects with ERR_WAL_ARGUMENT for an input or a directory that cannot be used, with what `Wal.open` rejects with,
 * and with the signal's reason where that comes before anything was appended.
 */
export async function runDemo(
  plan: DemoPlan,
  signal: AbortSignal,
  progress: DemoProgress,
): Promise<DemoResult> {
  const { source, processes } = plan;
  const { fingerprints, problems } = await survey(source, signal, progress);
  const total = fingerprints.length;
  const { directory, lock } = await makeLog(plan);

  const ledger = new Ledger(fingerprints, processes);
  const latencies = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });
  const members = newMembers(processes, total);
  Object.assign(progress, { phase: 'appending', members });
  const skip = problems.map(({ line }) => line);
  await runCrew(
    { ...plan, directory, share: { processes, total, skip } },
    members,
    {
      started: (at) => {
        progress.startedAt = at;
      },
      acknowledged: (entry, seq, microseconds) => {
        ledger.acknowledge(entry, seq);
        latencies.record(Math.max(1, microseconds));
      },
    },
    signal,
  );
  const interrupted = signal.aborted;
  progress.phase = 'verifying';
  const unsettled = new Set(members.flatMap(({ process, stats }) => (stats === undefined ? process : [])));
  const { verify, findings } = await holdAgainst(directory, ledger, unsettled);
  return {
    sound: isSound(findings, verify),
    directory,
    lock,
    entries: total,
    problems,
    members,
    seconds: secondsOf(progress.startedAt, members),
    latencyMs: quantiles(latencies),
    work: workOf(members),
    findings,
    verify,
    interrupted,
  };
}

/** Reads the history once, keeping of each entry what will tell it from others. */
async function survey(source: Source, signal: AbortSignal, progress: DemoProgress) {
  const fingerprints: string[] = [];
  const problems: Problem[] = [];
  for await (const item of readHistory(source)) {
    signal.throwIfAborted();
    if ('entry' in item) progress.entries = fingerprints.push(fingerprint(item.entry));
    else problems.push(item);
  }
  if (fingerprints.length > 0) return { fingerprints, problems };
  const [first] = problems;
  const why = first === undefined ? 'it is empty' : `line ${first.line}: ${first.problem}`;
  throw new WalError('ERR_WAL_ARGUMENT', `There is no entry {op, id, data, ts} in the input (${why}).`);
}

/** Makes the log, or takes an empty one; what cannot be used is refused before any process is started. */
async function makeLog(plan: DemoPlan): Promise<{ directory: string; lock: string }> {
  const directory = resolve(plan.directory ?? mkdtempSync(join(tmpdir(), 'jsonl-wal-demo-')));
  await refuseUsed(directory);
  const wal = await Wal.open(directory, { lock: plan.lock });
  try {
    return { directory, lock: wal.info().lock ?? plan.lock };
  } finally {
    await wal.close();
  }
}

async function refuseUsed(directory: string): Promise<void> {
  const advice = 'name a new directory, or leave --dir out for a temporary one';
  try {
    const wal = await Wal.open(directory, { readOnly: true, create: false });
    const { seq } = await wal.head().finally(() => wal.close());
    if (seq === 0) return;
    throw new WalError('ERR_WAL_ARGUMENT', `${directory} holds a log of ${seq} entries: ${advice}.`);
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_NOT_FOUND')) throw error;
  }
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new WalError('ERR_WAL_ARGUMENT', `${directory} is not empty: ${advice}.`);
}

/** Opens the log anew, as any later reader would. */
async function holdAgainst(directory: string, ledger: Ledger, unsettled: ReadonlySet<number>) {
  const wal = await Wal.open(directory, { readOnly: true, create: false });
  try {
    const verify = await wal.verify();
    // What verify finds wrong is said by it; the comparison goes as far as there are records.
    const findings = await ledger.check(wal.read({ onDamage: 'skip' }), unsettled);
    return { verify, findings };
  } finally {
    await wal.close();
  }
}
