import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../errors/errors.ts';
import { LOCK_FILE, segmentSeq } from '../../format/names.ts';
import { type LockFitness, type LockKind, lockStatus } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { type Held, heldByPrunable } from '../backups.ts';
import { attempt, isLogFile } from '../log.ts';
import { count, size } from '../words.ts';
import { commandOn, compactAdvice, type Finding, makeOne, SEE_APPEND } from './check.ts';

/** Which users append to a log: those who may create files in its directory. */
type Sharing = 'owner' | 'group' | 'all';

export function sharingOf({ mode }: Pick<Stats, 'mode'>): Sharing {
  if ((mode & 0o002) !== 0) return 'all';
  return (mode & 0o020) !== 0 ? 'group' : 'owner';
}

/** Whether every user who appends has these permissions on a file: 4 to read, 6 to read and write. */
function isOpenToAll(file: Stats, directory: Stats, bits: 4 | 6): boolean {
  const has = (given: number) => (given & bits) === bits;
  const sharing = sharingOf(directory);
  if (sharing === 'owner') return file.uid === directory.uid;
  if (sharing === 'all') return has(file.mode);
  return (file.gid === directory.gid && has(file.mode >> 3)) || has(file.mode);
}

/** The command that gives every user who appends access to every file, and the user to run it as. */
export function opening(directory: string): string {
  const whole = shellWord(directory);
  const sharing = sharingOf(statSync(directory));
  if (sharing === 'owner') return `chown -R --reference=${whole} ${whole}, as root`;
  if (sharing === 'all') return `chmod -R a+rwX ${whole}, as root`;
  return `chgrp -R --reference=${whole} ${whole}; chmod -R g+rwX ${whole}, as root`;
}

/** The mount that a path lies on, as Linux tells. */
interface Mount {
  readonly at: string;
  /** Whether this mount was made read-only. The disk may be writable by another. */
  readonly readOnly: boolean;
  /** Whether the disk takes no writes, by whatever mount. */
  readonly diskReadOnly: boolean;
}

/** Undefined where the system does not tell. */
export function mountOf(path: string): Mount | undefined {
  const read = () => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').flatMap(mountIn);
  const [real, mounts] = attempt(() => [realpathSync(path), read()], ['', [] as Mount[]]);
  // Of mounts on one place, the last covers the others.
  return mounts
    .filter(({ at }) => `${real}/`.startsWith(at === '/' ? '/' : `${at}/`))
    .reduce<Mount | undefined>(
      (best, mount) => (mount.at.length >= (best?.at.length ?? 0) ? mount : best),
      undefined,
    );
}

/** A line of proc_pid_mountinfo(5). */
function mountIn(line: string): Mount[] {
  const [own, disk] = line.split(' - ');
  const [, , , , at, options] = own?.split(' ') ?? [];
  const diskOptions = disk?.split(' ')[2]?.split(',');
  if (at === undefined || options === undefined || diskOptions === undefined) return [];
  return [
    {
      at: at.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      readOnly: options.split(',').includes('ro'),
      diskReadOnly: diskOptions.includes('ro') || diskOptions.includes('emergency_ro'),
    },
  ];
}

const LEAST_NODE = [20, 15] as const;

export function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  const message = `node ${process.versions.node}`;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return { state: 'ok', message };
  const fix = `install node ${LEAST_NODE.join('.')} or newer`;
  return { state: 'fail', message: `${message} is too old`, fix };
}

export function checkDirectory(directory: string): Finding {
  const look = statSync(directory, { throwIfNoEntry: false });
  if (look === undefined)
    return { state: 'fail', message: `${directory} is not there`, fix: makeOne(directory) };
  if (look.isDirectory()) return { state: 'ok', message: directory };
  const fix = 'name the directory that the log is in with -C';
  return { state: 'fail', message: `${directory} is a file; a log is a directory`, fix };
}

/** Whether the user may read the log's files. The check of an append says whether the user may write them. */
export function checkPermissions(directory: string): Finding {
  const { R_OK, X_OK } = constants;
  const refused = [
    ...refusedOf(directory, R_OK | X_OK),
    ...logFilesIn(directory).flatMap((file) => refusedOf(join(directory, file), R_OK)),
  ];
  const [first] = refused;
  if (first === undefined) return { state: 'ok', message: 'all may be read' };
  const more = refused.length > 1 ? `, and ${refused.length - 1} more` : '';
  const { uid } = statSync(first);
  const fix =
    uid === process.getuid?.()
      ? `chmod -R u+rwX ${shellWord(directory)}`
      : `run the doctor as uid ${uid}, whose it is, or let that user, or root, give you the right to read${whereShared(directory)}`;
  return { state: 'fail', message: `${first} may not be read${more}`, fix };
}

function whereShared(directory: string): string {
  return sharingOf(statSync(directory)) === 'owner' ? '' : `: ${opening(directory)}`;
}

function refusedOf(path: string, mode: number): string[] {
  try {
    accessSync(path, mode);
    return [];
  } catch (error) {
    return hasCode(error, 'ENOENT') ? [] : [path];
  }
}

/** Finds files that some of the users who may create files in the directory may not use: those users cannot append. */
export function checkOwners(directory: string, writable: boolean): Finding {
  const place = statSync(directory);
  const files = logFilesIn(directory);
  const last = files
    .filter((file) => segmentSeq(file) !== undefined)
    .sort()
    .at(-1);
  const closed = [...files, LOCK_FILE].filter((file) => {
    const look = statSync(join(directory, file), { throwIfNoEntry: false });
    const bits = file === last || file === LOCK_FILE ? 6 : 4;
    return look !== undefined && !isOpenToAll(look, place, bits);
  });
  const { fits, fault } = OWNERS[sharingOf(place)];
  const [first] = closed;
  if (first === undefined) return { state: 'ok', message: fits };
  const fix = writable ? opening(directory) : 'let root see to their owner and mode where the log is written';
  const message = `${count(closed.length, 'file')} ${fault}, such as ${first}`;
  return { state: 'warn', message: `${message}: others may not be able to append`, fix };
}

const OWNERS = {
  owner: {
    fits: 'every file has the owner of the directory',
    fault: "of another owner than the directory's",
  },
  group: {
    fits: "the directory's group may use every file",
    fault: "that the directory's group may not use, though it may make files there",
  },
  all: {
    fits: 'all users may use every file',
    fault: 'that not all users may use, though all may make files in the directory',
  },
} as const;

function logFilesIn(directory: string): string[] {
  return readdirSync(directory).filter(isLogFile);
}

/** Linux's numbers of tmpfs and ramfs. */
const MEMORY: readonly number[] = [0x01021994, 0x858458f6];

const FILE_SYSTEMS = {
  local: 'local',
  network: 'a network file system, where appending is not atomic',
  strange: 'of a kind that is not known (FUSE, 9P, ...)',
} as const;

/**
 * What the log lies on, and whether the lock keeps others out there. `recorded`: the kind that wal.lock names; `fitness`:
 * undefined where none could be tried, of which the trial of an append tells.
 */
export function checkFileSystem(
  directory: string,
  recorded: LockKind | undefined,
  fitness: LockFitness | undefined,
): Finding {
  if (fitness === undefined) {
    const message = 'whether a lock works here is known only where an append can be tried';
    return { state: 'skip', message, fix: SEE_APPEND };
  }
  const { fileSystem, kind, works } = fitness;
  if (MEMORY.includes(statfsSync(directory).type) && process.platform === 'linux') {
    const message = 'in memory (tmpfs): a power cut or a restart takes the log, whatever "sync" results say';
    return { state: 'warn', message, fix: 'put a log that must last on a disk' };
  }
  const used = recorded ?? kind;
  const message = `${FILE_SYSTEMS[fileSystem]}; the ${used} lock`;
  if (fileSystem === 'network') {
    const fix = 'move the log to a local disk, or let one machine alone write it, with --allow-network';
    return { state: 'fail', message, fix };
  }
  if (!works) {
    const fault = `the ${used} lock does not keep a second holder out here`;
    const fix = 'nothing is lost by that, but writers overtake each other: move the log to another disk';
    return { state: 'warn', message: `${message}; ${fault}`, fix };
  }
  if (used === 'lockfile' && kind === 'kernel') {
    const better = 'though the kernel lock, which is quicker, works here';
    return { state: 'warn', message: `${message}, ${better}`, fix: commandOn(directory, 'lock set kernel') };
  }
  const state = fileSystem === 'local' ? 'ok' : 'warn';
  const fix = 'the lock is strict here: an append waits for it, and fails where it is not free in time';
  return { state, message: `${message}, tried and found to work`, ...(state === 'warn' && { fix }) };
}

/** The kind of lock that wal.lock names; undefined where none is chosen yet, or it cannot be told, of which the check of the lock tells. */
export function kindIn(directory: string): LockKind | undefined {
  return attempt(() => lockStatus(directory).kind, undefined);
}

/** So little room is soon gone. */
const LITTLE_BYTES = 64 * 1024 * 1024;
const LITTLE_FILES = 1000;

/** `writable`: whether the user may free room with the log's own commands. */
export async function checkRoom(directory: string, writable: boolean): Promise<Finding> {
  const { bavail, bsize, files, ffree } = statfsSync(directory);
  const free = bavail * bsize;
  // Some file systems (btrfs) have no limit, and tell 0 of 0.
  const fit = files > 0 ? ffree : Number.POSITIVE_INFINITY;
  const scarce = [
    ...(free < LITTLE_BYTES ? [`${size(free)} free`] : []),
    ...(fit < LITTLE_FILES ? [`room for ${count(fit, 'more file')} (inodes)`] : []),
  ];
  if (scarce.length === 0) return { state: 'ok', message: `${size(free)} free` };
  const state = free === 0 || fit === 0 ? 'fail' : 'warn';
  const fix = writable ? await roomier(directory) : others(directory);
  return { state, message: `only ${scarce.join(', and ')}`, fix };
}

/**
 * What frees room where there is none: what takes none itself comes first. What a backup links too, a compaction alone does not
 * free, and the snapshot that it makes takes room for the state, and a file.
 */
export async function roomier(directory: string): Promise<string> {
  const { bytes, files } = heldIn(directory);
  const prune = `${commandOn(directory, 'backup prune --keep 0')} frees ${size(bytes)} and ${count(files, 'file')} that backups of compactions hold`;
  const command = await compactAdvice(directory, ' --retain 1 --no-backup');
  const compact = `once there is room for a file of the size of the state: ${command}, which frees what the state does not need ("jsonl-wal stats" says how much), except what a backup also holds`;
  return [...(files > 0 ? [prune] : []), others(directory), ...(command ? [compact] : [])].join('; ');
}

function others(directory: string): string {
  const at = mountOf(directory)?.at;
  if (at === undefined) return 'make room on the disk: delete or move other files there';
  const { files, ffree } = statfsSync(directory);
  const what = files > 0 && ffree < LITTLE_FILES ? '-x --inodes' : '-ax';
  return `make room on the disk: delete or move other files there (du ${what} ${shellWord(at)} | sort -n | tail)`;
}

function heldIn(directory: string): Held {
  // Other checks report what is wrong with wal.json, or with the directory of backups.
  return attempt(() => heldByPrunable(directory), { bytes: 0, files: 0 });
}
