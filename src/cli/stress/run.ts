import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hasCode, reasonOf, WalError } from '../../errors/errors.ts';
import type { LabEvent } from '../../lab/harness/options.ts';
import { runScenario } from '../../lab/harness/run.ts';
import { makeDirectory } from '../../lab/make-directory.ts';
import { logFiles } from '../../lab/operations/client-log.ts';
import { instant } from '../../lab/operations/instant.ts';
import type { RunRecord } from '../../lab/operations/run-record.ts';
import type { Result } from '../../lab/result.ts';
import { clearStatus, showStatus, stderr } from '../stderr.ts';
import { figure } from '../words.ts';
import type { PlannedRun } from './plan.ts';
import { isFailed, settingsText } from './report.ts';

/** Where runs leave their files: in directories that are removed, unless they are kept. */
export class Places {
  readonly #debug: string | true | undefined;
  #base: string | undefined;
  /** Those that are in use. */
  readonly #open = new Set<string>();

  /** `debug`: keep all, in that directory or (true) in a temporary one. */
  constructor(debug: string | true | undefined) {
    this.#debug = debug;
  }

  /** What all of them are in. */
  get root(): string {
    return typeof this.#debug === 'string' ? resolve(this.#debug) : tmpdir();
  }

  get keepsAll(): boolean {
    return this.#debug !== undefined;
  }

  /** A new directory for a run. */
  make({ scenario, settings }: PlannedRun): string {
    if (this.#debug !== undefined) {
      this.#base ??= this.#debug === true ? makeTemporary() : makeNamed(this.root);
      return join(this.#base, `${scenario.name}-${settings.seed}`);
    }
    const directory = makeTemporary();
    this.#open.add(directory);
    return directory;
  }

  /** The run is over. */
  leave(directory: string, keep: boolean): void {
    if (this.#open.delete(directory) && !keep) remove(directory);
  }

  /** Removes what is in use. */
  abandon(): void {
    for (const directory of this.#open) this.leave(directory, false);
  }
}

function remove(directory: string): void {
  // A process that was just killed may still be in its last write.
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

function makeTemporary(): string {
  return made(tmpdir(), () => mkdtempSync(join(tmpdir(), 'jsonl-wal-stress-')));
}

function makeNamed(directory: string): string {
  return made(directory, () => {
    makeDirectory(directory);
    return directory;
  });
}

function made(place: string, make: () => string): string {
  try {
    return make();
  } catch (error) {
    const code = hasCode(error, 'EACCES', 'EPERM', 'EROFS')
      ? 'ERR_WAL_PERMISSION'
      : hasCode(error, 'ENOSPC', 'EDQUOT')
        ? 'ERR_WAL_NO_SPACE'
        : 'ERR_WAL_IO';
    const advice = 'Name another place with --debug DIR, or in TMPDIR.';
    throw new WalError(code, `Cannot make a directory in ${place}: ${reasonOf(error)} ${advice}`, {
      cause: error,
    });
  }
}

/** Off a terminal, so often. */
const LINE_MS = 10_000;
/** The rate is that of so long. */
const WINDOW_SECONDS = 2;

const DOING = { prepare: 'preparing', run: 'starting', check: 'checking' } as const;

type Moment = Pick<Extract<LabEvent, { kind: 'progress' }>, 'tally' | 'seconds'>;

/** Tells on stderr how a run is going: live on a terminal, elsewhere a line now and then. */
function showProgress(name: string): (event: LabEvent) => void {
  const live = stderr().isTTY === true;
  const recent: Moment[] = [];
  let next = performance.now() + LINE_MS;
  const say = (text: string) => {
    if (live) {
      showStatus(`${name}: ${text}`);
    } else if (performance.now() >= next) {
      next = performance.now() + LINE_MS;
      stderr().write(`${name}: ${text}\n`);
    }
  };
  return (event) => {
    if (event.kind === 'phase') say(`${DOING[event.phase]} ...`);
    if (event.kind === 'started') say(`${figure(event.clients)} clients started`);
    if (event.kind === 'ended' && event.problems.length > 0) {
      clearStatus();
      stderr().write(`${name}: client ${event.client} ${firstLine(event.problems[0] as string)}\n`);
    }
    if (event.kind !== 'progress') return;
    recent.push(event);
    while (recent.length > 2 && event.seconds - (recent[0] as Moment).seconds > WINDOW_SECONDS)
      recent.shift();
    say(textOf(event, rateOf(recent)));
  };
}

function rateOf(recent: readonly Moment[]): number {
  const [first, last] = [recent[0] as Moment, recent.at(-1) as Moment];
  const seconds = last.seconds - first.seconds;
  if (seconds <= 0) return last.seconds <= 0 ? 0 : last.tally.acknowledged / last.seconds;
  return (last.tally.acknowledged - first.tally.acknowledged) / seconds;
}

function textOf(event: Extract<LabEvent, { kind: 'progress' }>, rate: number): string {
  const { tally, active, seconds, left } = event;
  return [
    `${figure(rate)}/s`,
    `${figure(tally.unknown)} errors`,
    `${figure(active)} active`,
    left === undefined ? `${Math.floor(seconds)} s` : `${Math.ceil(left)} s left`,
    `${figure(tally.acknowledged)} done`,
    ...(tally.refused === 0 ? [] : [`${figure(tally.refused)} refused`]),
  ].join(', ');
}

function firstLine(text: string): string {
  return text.split('\n')[0] as string;
}

/**
 * Makes one run, and keeps of its files what is to be kept. `recorded`: tells what happened, moment by moment. Rejects with
 * the signal's reason where that aborts before the clients began, and where the run cannot be made.
 */
export async function makeRun(
  run: PlannedRun,
  places: Places,
  {
    signal,
    recorded,
    strictTimes,
  }: { readonly signal: AbortSignal; readonly recorded: boolean; readonly strictTimes: boolean },
): Promise<{ readonly result: Result; readonly record: RunRecord | undefined }> {
  const { scenario, options, settings } = run;
  const directory = places.make(run);
  let record: RunRecord | undefined;
  let fails = false;
  try {
    const result = await runScenario(scenario, {
      ...options,
      directory,
      signal,
      hashes: places.keepsAll,
      onEvent: showProgress(scenario.name),
      ...((recorded || places.keepsAll) && {
        onRecord: (told: RunRecord) => {
          record = told;
        },
      }),
    });
    fails = isFailed(result, strictTimes);
    if (record !== undefined && places.keepsAll)
      writeLogs(record, `${scenario.name}, ${settingsText(settings)}`, directory);
    const kept = places.keepsAll || fails ? directory : undefined;
    return { result: { ...result, directory: kept }, record };
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_ARGUMENT') || (signal.aborted && error === signal.reason)) throw error;
    const kept = places.keepsAll ? ` Kept in ${directory}.` : '';
    const isFull = hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG');
    const advice = isFull
      ? ` ${places.root} has no room: make some, or name another place with --debug DIR, or in TMPDIR.`
      : '';
    const message = `${scenario.name} could not be run: ${reasonOf(error)}${advice}${kept}`;
    if (error instanceof WalError) throw new WalError(error.code, message, { cause: error });
    throw Object.assign(new Error(message, { cause: error }), {
      code: (error as { code?: unknown } | null)?.code,
    });
  } finally {
    places.leave(directory, fails);
  }
}

function writeLogs(record: RunRecord, title: string, directory: string): void {
  const epoch = Date.now() * 1000 - instant();
  for (const { name, text } of logFiles(record, title, epoch)) writeFileSync(join(directory, name), text);
}
