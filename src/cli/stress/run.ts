import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, reasonOf, WalError } from '../../errors/errors.ts';
import { runScenario } from '../../lab/harness/run.ts';
import { logFiles } from '../../lab/operations/client-log.ts';
import { instant } from '../../lab/operations/instant.ts';
import type { RunRecord } from '../../lab/operations/run-record.ts';
import type { Result } from '../../lab/result.ts';
import type { Places } from './places.ts';
import type { PlannedRun } from './plan.ts';
import { showProgress } from './progress.ts';
import { settingsText } from './text.ts';

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

/** Whether a run ends the command with 1. */
export function isFailed({ ok, slow }: Result, strictTimes: boolean): boolean {
  return !ok || (strictTimes && slow);
}

function writeLogs(record: RunRecord, title: string, directory: string): void {
  const epoch = Date.now() * 1000 - instant();
  for (const { name, text } of logFiles(record, title, epoch)) writeFileSync(join(directory, name), text);
}
