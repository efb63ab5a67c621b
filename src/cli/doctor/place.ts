import { accessSync, constants, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../errors/errors.ts';
import { META_FILE, segmentSeq, snapshotSeq } from '../../format/names.ts';
import { type LockFitness, type LockKind, lockFitness, lockStatus } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { heldByPrunable } from '../prune-backups.ts';
import { count, figure, size } from '../words.ts';
import { type Check, commandOn, makeOne } from './check.ts';

const LEAST_NODE = [20, 15] as const;
/** So little room is soon gone. */
const LITTLE_BYTES = 64 * 1024 * 1024;
const LITTLE_FILES = 1000;

export function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  const message = `node ${process.versions.node}`;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor))
    return { name: 'node', state: 'ok', message };
  const mend = `install node ${LEAST_NODE.join('.')} or newer`;
  return { name: 'node', state: 'fail', message: `${message} is too old`, mend };
}

export function checkDirectory(directory: string): Check {
  const name = 'directory';
  const look = statSync(directory, { throwIfNoEntry: false });
  if (look === undefined)
    return { name, state: 'fail', message: `${directory} is not there`, mend: makeOne(directory) };
  if (look.isDirectory()) return { name, state: 'ok', message: directory };
  const mend = 'name the directory that the log is in with -C';
  return { name, state: 'fail', message: `${directory} is a file; a log is a directory`, mend };
}

/** Whether what is there may be read and written by who asks. */
export function checkPermissions(directory: string): Check {
  const { R_OK, W_OK, X_OK } = constants;
  const refused = [
    ...refusedOf(directory, R_OK | X_OK, 'read'),
    ...refusedOf(directory, W_OK | X_OK, 'written'),
    ...logFilesIn(directory).flatMap((file) => [
      ...refusedOf(join(directory, file), R_OK, 'read'),
      ...(segmentSeq(file) === undefined ? [] : refusedOf(join(directory, file), W_OK, 'written')),
    ]),
  ];
  const name = 'permissions';
  const [first] = refused;
  if (first === undefined) return { name, state: 'ok', message: 'all may be read and written' };
  const more = refused.length > 1 ? `, and ${refused.length - 1} more` : '';
  const mend = `chown -R "$(id -un)" ${shellWord(directory)}, as root or its owner`;
  return { name, state: 'fail', message: `${first}${more}`, mend };
}

function refusedOf(path: string, mode: number, what: string): string[] {
  try {
    accessSync(path, mode);
    return [];
  } catch (error) {
    return hasCode(error, 'ENOENT') ? [] : [`${path} may not be ${what}`];
  }
}

/** Files of another owner than the directory's: who may write the one may not be let at the other. */
export function checkOwners(directory: string): Check {
  const name = 'owners';
  const { uid } = statSync(directory);
  const others = logFilesIn(directory).filter((file) => {
    const look = statSync(join(directory, file), { throwIfNoEntry: false });
    return look !== undefined && look.uid !== uid;
  });
  const [first] = others;
  if (first === undefined) return { name, state: 'ok', message: 'every file has the owner of the directory' };
  const mend = `chown -R --reference=${shellWord(directory)} ${shellWord(directory)}`;
  const message = `${count(others.length, 'file')} of another owner than the directory's, such as ${first}`;
  return { name, state: 'warn', message: `${message}: others may not be able to append`, mend };
}

function logFilesIn(directory: string): string[] {
  return readdirSync(directory).filter(
    (name) => name === META_FILE || segmentSeq(name) !== undefined || snapshotSeq(name) !== undefined,
  );
}

/** Linux's numbers of tmpfs and ramfs. */
const MEMORY: readonly number[] = [0x01021994, 0x858458f6];

const FILE_SYSTEMS = {
  local: 'local',
  network: 'a network file system, where appending is not atomic',
  strange: 'of a kind that is not known (FUSE, 9P, ...)',
} as const;

/** What the log lies on, and whether a lock, tried on a file made for that, works there. */
export function checkFileSystem(directory: string): Check {
  const name = 'file system';
  let fitness: LockFitness;
  try {
    fitness = lockFitness(directory);
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_PERMISSION')) throw error;
    const message = 'the lock cannot be tried: who asks may not make a file here';
    return { name, state: 'warn', message, mend: 'run it as somebody who may write to the log' };
  }
  const { fileSystem, kind, works } = fitness;
  if (MEMORY.includes(statfsSync(directory).type) && process.platform === 'linux') {
    const message = 'in memory (tmpfs): a power cut or a restart takes the log, whatever "sync" results say';
    return { name, state: 'warn', message, mend: 'put a log that must last on a disk' };
  }
  const recorded = kindIn(directory) ?? kind;
  const message = `${FILE_SYSTEMS[fileSystem]}; the ${recorded} lock`;
  if (fileSystem === 'network') {
    const mend = 'move the log to a local disk, or let one machine alone write it, with --allow-network';
    return { name, state: 'fail', message, mend };
  }
  if (!works) {
    const fault = `the ${kind} lock does not keep a second holder out here`;
    const mend = 'nothing is lost by that, but writers overtake each other: move the log to another disk';
    return { name, state: 'warn', message: `${message}; ${fault}`, mend };
  }
  if (recorded === 'lockfile' && kind === 'kernel') {
    const better = 'though the kernel lock, which is quicker, works here';
    return {
      name,
      state: 'warn',
      message: `${message}, ${better}`,
      mend: commandOn(directory, 'lock set kernel'),
    };
  }
  const state = fileSystem === 'local' ? 'ok' : 'warn';
  const mend = 'the lock is strict here: an append waits for it, and fails where it is not free in time';
  return { name, state, message: `${message}, tried and found to work`, ...(state === 'warn' && { mend }) };
}

/** Undefined where it is not chosen yet, or cannot be told, of which the check of the lock tells. */
function kindIn(directory: string): LockKind | undefined {
  try {
    return lockStatus(directory).kind;
  } catch {
    return undefined;
  }
}

export function checkRoom(directory: string): Check {
  const name = 'room';
  const { bavail, bsize, files, ffree } = statfsSync(directory);
  const free = bavail * bsize;
  const message = `${size(free)} free`;
  if (free < LITTLE_BYTES)
    return {
      name,
      state: free === 0 ? 'fail' : 'warn',
      message: `only ${message}`,
      mend: roomier(directory),
    };
  if (files > 0 && ffree < LITTLE_FILES)
    return {
      name,
      state: 'warn',
      message: `only ${figure(ffree)} more files fit on the disk`,
      mend: roomier(directory),
    };
  return { name, state: 'ok', message };
}

/** What frees room. What a backup links too, a compaction alone does not free. */
export function roomier(directory: string): string {
  const held = heldIn(directory);
  const prune = `${commandOn(directory, 'backup prune --keep 0')} frees ${size(held)} that backups of compactions hold`;
  const compact = `${commandOn(directory, 'compact --fold last-data --retain 1 --no-backup')} frees what the state does not need ("jsonl-wal stats" tells how much), but for what a backup holds, too`;
  return ['make room on the disk', ...(held > 0 ? [prune] : []), compact].join('; ');
}

function heldIn(directory: string): number {
  try {
    return heldByPrunable(directory);
  } catch {
    // What is wrong with wal.json, or with the place for backups, others tell.
    return 0;
  }
}
