import { hasCode, WalError } from '../errors/errors.ts';
import { badArgument, boolean, callback, oneOf, readOptions } from '../options/options.ts';
import type { Environment } from '../setup/environment.ts';
import type { WalOptions } from '../setup/options.ts';
import { checkSignal } from '../setup/requests.ts';
import { resolveDirectory } from '../storage/directory.ts';
import { fileError } from '../storage/error.ts';
import type { RepairJob, RepairOptions, RepairReport } from './model.ts';
import { salvage } from './salvage.ts';
import { repairTail } from './tail-repair.ts';

/** Repairs a log: see `Wal.repair`. `lock` is for the lab, whose simulated disk has no locks of its own. */
export async function repairLog(
  environment: Environment,
  given: string,
  options: RepairOptions,
  lock: WalOptions['lock'] = 'auto',
): Promise<RepairReport> {
  const fields = ['mode', 'acceptEdits', 'dryRun', 'allowNetwork', 'signal', 'onProgress'] as const;
  const { mode, acceptEdits, dryRun, allowNetwork, signal, onProgress } = readOptions(options, fields);
  checkSignal(signal);
  const report = callback('onProgress', onProgress);
  const job: RepairJob = {
    environment,
    directory: resolveDirectory(given),
    lock,
    dryRun: boolean('dryRun', dryRun ?? false),
    acceptEdits: boolean('acceptEdits', acceptEdits ?? false),
    allowNetwork: boolean('allowNetwork', allowNetwork ?? false),
    check: (bytes) => {
      if (signal?.aborted)
        throw new WalError('ERR_WAL_ABORTED', 'The repair was aborted: nothing was changed.', {
          cause: signal.reason,
        });
      if (bytes !== undefined) report?.(bytes);
    },
  };
  const work = oneOf('mode', mode, ['tail', 'salvage'] as const) === 'tail' ? repairTail : salvage;
  if (job.acceptEdits && work === repairTail)
    throw badArgument('acceptEdits is for the mode salvage: the mode tail keeps no edited line');
  requireDirectory(job);
  try {
    return await work(job);
  } catch (error) {
    throw hasCode(error, 'ERR_WAL_ABORTED') ? error : fileError(error, 'repair', job.directory);
  }
}

function requireDirectory({ environment: { storage }, directory }: RepairJob): void {
  let look: ReturnType<typeof storage.look>;
  try {
    look = storage.look(directory);
  } catch (error) {
    throw fileError(error, 'look at', directory);
  }
  if (look === undefined)
    throw new WalError(
      'ERR_WAL_NOT_FOUND',
      `There is no directory ${directory}: name the directory of the log.`,
    );
  if (!look.directory)
    throw new WalError(
      'ERR_WAL_NOT_A_DIRECTORY',
      `${directory} is a file, but a log is a directory: name the directory.`,
    );
}
