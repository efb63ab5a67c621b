import type { Command } from 'commander';
import { Option } from 'commander';
import type { Outcome } from '../errors/errors.ts';
import { type Durability, Wal, type WalOptions } from '../index.ts';
import { wholeNumber } from './command.ts';
import { openingError, refuseAddress } from './opening.ts';
import { sayRewound } from './rewound.ts';
import { clearStatus, showWaiting } from './status.ts';

/** Options of the commands that append. */
export interface WriterOptions {
  readonly durability?: Durability;
  readonly lockTimeout?: number;
  readonly strictLock?: true;
  readonly allowNetwork?: true;
}

export function withWriterOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--durability <when>',
        'acknowledge once it is on the disk (sync), or written (os: a power cut may take it)',
      )
        .choices(['sync', 'os'])
        .default('sync'),
    )
    .option(
      '--lock-timeout <ms>',
      'how long to wait for a stuck lock before going on without it, which is safe',
      wholeNumber(0),
    )
    .option('--strict-lock', 'never go on without the lock: fail with exit code 5')
    .option('--allow-network', 'allow a network file system, where one machine alone may write');
}

/** Opens the log to append to it. It must exist: a mistyped directory would otherwise become a log of its own. */
export async function openWriter(
  directory: string,
  options: WriterOptions & Pick<WalOptions, 'onRewound' | 'fold'>,
): Promise<Wal> {
  const { lockTimeout, durability, strictLock, allowNetwork, onRewound, fold } = options;
  const rest = {
    create: false,
    onLockWait: showWaiting,
    strictLock: strictLock === true,
    allowNetwork: allowNetwork === true,
    ...(durability && { durability }),
    ...(onRewound && { onRewound }),
    ...(fold && { fold }),
    ...(lockTimeout !== undefined && { lockTimeoutMs: lockTimeout }),
  };
  return openLog(directory, rest, 'not-written');
}

export async function openReader(directory: string): Promise<Wal> {
  return openLog(directory, { readOnly: true });
}

/** `outcome`: what became of what was to be appended, where it cannot be opened. */
export async function openLog(directory: string, options: WalOptions, outcome?: Outcome): Promise<Wal> {
  refuseAddress(directory);
  try {
    return await Wal.open(directory, { onRewound: sayRewound, ...options });
  } catch (error) {
    throw openingError(error, directory, outcome);
  }
}

/** Runs `body` with an open log, and closes it. */
export async function using<T>(opening: Promise<Wal>, body: (wal: Wal) => Promise<T>): Promise<T> {
  const wal = await opening;
  try {
    return await body(wal);
  } finally {
    await wal.close();
    clearStatus();
  }
}
