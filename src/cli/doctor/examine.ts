import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type VerifyReport, Wal } from '../../index.ts';
import { metaOf } from '../read-file.ts';
import { bytesIn, newestSnapshot, segmentsIn } from '../segments.ts';
import { Progress } from '../status.ts';
import { count } from '../words.ts';
import { tryAppend } from './append.ts';
import { checkBackups } from './backups.ts';
import { type Check, checked } from './check.ts';
import {
  checkFailedSync,
  checkGit,
  checkLeftovers,
  checkRewound,
  checkSnapshots,
  checkStrays,
} from './keeping.ts';
import { brokenChain, checkChain, checkClock, checkFormat, checkMerge, checkTail, timesOf } from './lines.ts';
import { checkLock } from './lock.ts';
import {
  checkDirectory,
  checkFileSystem,
  checkNode,
  checkOwners,
  checkPermissions,
  kindIn,
} from './place.ts';
import { checkRoom } from './room.ts';

/** Looks at all there is, as far as what was found before lets it. */
export async function* examine(directory: string): AsyncGenerator<Check, void, undefined> {
  yield checkNode();
  const place = await checked('directory', () => checkDirectory(directory));
  yield place;
  if (place.state === 'fail') return;
  const access = 'let its owner, or root, see to its owner and mode';
  yield await checked('permissions', () => checkPermissions(directory), access);
  const other = 'make room, or put the log on a disk that can do it';
  const kind = kindIn(directory);
  const { check, fitness, writable } = await tryAppend(directory, kind);
  yield check;
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
  try {
    return metaOf(directory).git;
  } catch {
    // What is wrong with it is told by the check of the format.
    return false;
  }
}
