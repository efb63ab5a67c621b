import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { printable } from '../../format/printable.ts';
import { forgetRewinds, type VerifyReport, Wal } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { tryAppend } from '../doctor/append.ts';
import { type Check, checked } from '../doctor/check.ts';
import { checkBackups } from '../doctor/from-backups.ts';
import {
  checkFailedSync,
  checkGit,
  checkLeftovers,
  checkRewound,
  checkSnapshots,
  checkStrays,
} from '../doctor/keeping.ts';
import {
  brokenChain,
  checkChain,
  checkClock,
  checkFormat,
  checkMerge,
  checkTail,
  timesOf,
} from '../doctor/lines.ts';
import { checkLock, STUCK_MS } from '../doctor/lock.ts';
import {
  checkDirectory,
  checkFileSystem,
  checkNode,
  checkOwners,
  checkPermissions,
  checkRoom,
  kindIn,
} from '../doctor/place.ts';
import { EXIT, onLog, refuseAddress } from '../failure.ts';
import { attempt, bytesIn, metaOf, newestSnapshot, segmentsIn } from '../log.ts';
import { Output, type Style } from '../output.ts';
import { Progress } from '../stderr.ts';
import { count } from '../words.ts';

const STYLES: Readonly<Record<Check['state'], Style>> = {
  ok: 'green',
  skip: 'yellow',
  warn: 'yellow',
  fail: 'red',
};
const NAME_CELLS = 11;
const STATE_CELLS = 6;

export default function doctorCommand(): Command {
  return makeCommand('doctor', ['doctor', 'doctor --json | jq \'.checks[] | select(.state != "ok")\''])
    .addHelpText(
      'after',
      `
No byte of the log is changed, whatever is wrong with it. What an append does is tried: the lock, files made in its directory and
removed, and opening the last segment to write. A lock that is held for longer than ${STUCK_MS / 1000} s fails.
Exit codes: 0 nothing fails (there may be warnings); 1 something does; 4 data is damaged; 7 nothing fails, but no append was
tried, because the user may only read: a monitor that runs as such a user takes 7 for success.
With --json, "verdict" says the same: ok, failed, damaged, untried.`,
    )
    .option('--forget', 'forget acknowledged entries that the log lacks: it was cut or restored on purpose')
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, forget } = settingsOf<{ readonly forget?: true }>(command);
      refuseAddress(dir);
      if (forget) forgetRewinds(dir);
      const output = new Output();
      const checks: Check[] = [];
      for await (const found of examine(dir)) {
        const check = pasteable(found, dir);
        checks.push(check);
        if (json) continue;
        await show(check, output);
        await output.flush();
      }
      const verdict = verdictOn(checks);
      if (json) {
        const told = checks.map(({ name, state, message, fix }) => ({
          name,
          state,
          message,
          fix: fix ?? null,
        }));
        await output.json({ ok: verdict === 'ok', verdict, directory: dir, checks: told });
      }
      await output.flush();
      process.exitCode = EXIT_OF[verdict];
    });
}

/** With all commands on the log that was looked at. */
function pasteable(check: Check, directory: string): Check {
  const { message, fix } = check;
  return { ...check, message: onLog(message, directory), ...(fix && { fix: onLog(fix, directory) }) };
}

const EXIT_OF = { ok: EXIT.ok, failed: EXIT.error, damaged: EXIT.corruption, untried: EXIT.untried } as const;

function verdictOn(checks: readonly Check[]): keyof typeof EXIT_OF {
  if (checks.some(({ state, corrupt }) => state === 'fail' && corrupt)) return 'damaged';
  if (checks.some(({ state }) => state === 'fail')) return 'failed';
  return checks.some(({ state }) => state === 'skip') ? 'untried' : 'ok';
}

async function show({ name, state, message, fix }: Check, output: Output): Promise<void> {
  const mark = output.style(STYLES[state], `[${state}]`.padEnd(STATE_CELLS));
  await output.line(`${mark} ${output.style('dim', name.padEnd(NAME_CELLS))}  ${printable(message)}`);
  if (fix === undefined) return;
  const indent = ' '.repeat(STATE_CELLS + 1 + NAME_CELLS + 2);
  await output.line(`${indent}${output.style('bold', 'fix:')} ${printable(fix)}`);
}

/** Looks at all there is, as far as what was found before lets it. */
export async function* examine(directory: string): AsyncGenerator<Check, void, undefined> {
  yield { name: 'node', ...checkNode() };
  const place = await checked('directory', () => checkDirectory(directory));
  yield place;
  if (place.state === 'fail') return;
  const access = 'let its owner, or root, see to its owner and mode';
  yield await checked('permissions', () => checkPermissions(directory), access);
  const other = 'make room, or put the log on a disk that can do it';
  const kind = kindIn(directory);
  const { check, fitness, writable } = await tryAppend(directory, kind);
  yield { name: 'append', ...check };
  yield await checked('owners', () => checkOwners(directory, writable), access);
  yield await checked('file system', () => checkFileSystem(directory, kind, fitness), other);
  yield await checked('room', () => checkRoom(directory, writable), other);
  yield await checked(
    'lock',
    () => checkLock(directory),
    'if no process uses the log, remove wal.lock; else let its owner see to its mode',
  );
  const format = await checked('format', () => checkFormat(directory));
  yield format;
  yield await checked('sync', () => checkFailedSync(directory));
  if (format.state !== 'fail') {
    const found = yield* examineLines(directory);
    const { rewound, error } = found ?? {};
    yield await checked('rewound', () => checkRewound(directory, rewound, error !== undefined), access);
  }
  yield await checked('beside', () => checkStrays(directory), access);
  yield await checked('leftovers', () => checkLeftovers(directory), access);
  yield await checked('git', () => checkGit(directory, isForGit(directory)), access);
}

/** Returns what verify finds. */
async function* examineLines(directory: string): AsyncGenerator<Check, VerifyReport | undefined, undefined> {
  const wal = await Wal.open(directory, { readOnly: true }).catch((error: unknown) => error as Error);
  if (!(wal instanceof Wal)) {
    yield await checked('chain', () => brokenChain(directory, wal));
    return undefined;
  }
  try {
    const progress = new Progress('doctor', bytesIn(segmentsIn(directory)));
    const report = await wal
      .verify({ onProgress: (bytes) => progress.update(bytes, () => count(bytes, 'byte')) })
      .catch((error: unknown) => error as Error);
    progress.end();
    if (report instanceof Error) {
      yield await checked('chain', () => brokenChain(directory, report));
      return undefined;
    }
    yield await checked('chain', () => checkChain(directory, report));
    if (report.error === undefined) yield await checked('tail', () => checkTail(report));
    if (report.error === undefined) yield await checked('backups', () => checkBackups(directory, report));
    yield await checked('merge', () => checkMerge(directory, report.odd));
    yield await checked('clock', async () =>
      checkClock(
        report.head.seq,
        await timesOf(wal.read({ from: await wal.oldest(), onDamage: 'skip' }), report.head.seq),
        lastWrite(directory),
        newestSnapshot(directory)?.latest,
      ),
    );
    yield await checked('snapshots', () => checkSnapshots(directory, report));
    return report;
  } finally {
    await wal.close();
  }
}

/** When the last segment was written, in milliseconds since the epoch. */
function lastWrite(directory: string): number | undefined {
  const last = segmentsIn(directory).at(-1);
  return last && statSync(join(directory, last.name), { throwIfNoEntry: false })?.mtimeMs;
}

function isForGit(directory: string): boolean {
  // What is wrong with wal.json is told by the check of the format.
  return attempt(() => metaOf(directory).git, false);
}
