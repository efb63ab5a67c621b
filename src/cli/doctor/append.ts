import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, messageOf, WalError } from '../../errors/errors.ts';
import { LOCK_FILE } from '../../format/names.ts';
import { type LockFitness, type LockKind, lockFitness } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { attempt, segmentsIn } from '../log.ts';
import { commandOn, type Finding } from './check.ts';
import { mountOf, opening, roomier, sharingOf } from './place.ts';

/** What came of it; `fitness` where the lock could be tried. */
interface Trial {
  readonly check: Finding;
  readonly fitness?: LockFitness;
  /** Whether the user may write here at all. */
  readonly writable: boolean;
}

const AS_WRITER =
  'run the doctor, and the commands that it gives, as the user whose programs append, and where they run';
const { O_APPEND, O_NONBLOCK = 0, O_RDWR } = constants;

/**
 * Does in the log's own directory what an append does, without a change of the log's files: makes, writes, syncs and links a
 * file, takes the lock on it, and opens wal.lock and the last segment to write. `kind`: the kind of lock that wal.lock names.
 */
export async function tryAppend(directory: string, kind: LockKind | undefined): Promise<Trial> {
  let fitness: LockFitness | undefined;
  try {
    fitness = lockFitness(directory, kind);
    openTo(O_RDWR, join(directory, LOCK_FILE));
    const last = segmentsIn(directory).at(-1);
    if (last !== undefined) openTo(O_RDWR | O_APPEND, join(directory, last.name));
    const message = `each step of an append works here, with the ${kind ?? fitness.kind} lock`;
    return { check: { state: 'ok', message }, fitness, writable: true };
  } catch (error) {
    const check = await refused(directory, error);
    const writable = check.state !== 'skip' && !isReadOnly(error);
    return { check, writable, ...(fitness && { fitness }) };
  }
}

/** What may not be there, and is not made here: an append would make it as the file that was tried. */
function openTo(flags: number, path: string): void {
  try {
    closeSync(openSync(path, flags | O_NONBLOCK));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof WalError ? (error.cause ?? error) : error;
}

function isReadOnly(error: unknown): boolean {
  return hasCode(causeOf(error), 'EROFS');
}

async function refused(directory: string, error: unknown): Promise<Finding> {
  if (isReadOnly(error)) return readOnlyDisk(directory);
  const cause = causeOf(error);
  if (hasCode(cause, 'EACCES', 'EPERM')) return refusedUser(directory, cause as NodeJS.ErrnoException);
  const code = error instanceof WalError ? ` [${error.code}]` : '';
  // What has room in the last segment yet is appended still.
  const when = hasCode(error, 'ERR_WAL_NO_SPACE') ? 'appends fail, or soon will' : 'no append works';
  const message = `${when}: ${messageOf(error)}${code}`;
  return { state: 'fail', message, fix: await fixOf(directory, error) };
}

async function fixOf(directory: string, error: unknown): Promise<string> {
  if (hasCode(error, 'ERR_WAL_LOCK_UNAVAILABLE')) {
    const lockfile = commandOn(directory, 'lock set lockfile');
    const refusing = [process.env.NODE_OPTIONS ?? '', ...process.execArgv].some((options) =>
      options.includes('--no-addons'),
    );
    if (refusing)
      return `start node without --no-addons (here it is in NODE_OPTIONS, or was given); or ${lockfile}`;
    return `install the optional dependency fs-native-extensions ("npm install --include=optional"); or ${lockfile}`;
  }
  if (hasCode(error, 'ERR_WAL_NO_SPACE')) return roomier(directory);
  if (hasCode(error, 'ERR_WAL_UNSUPPORTED', 'ERR_WAL_IO')) return 'put the log on a disk that can do it';
  return 'see what the other checks say of that file';
}

/** A mount that is made for reading says nothing against appends elsewhere; a disk that takes no writes does. */
function readOnlyDisk(directory: string): Finding {
  const mount = mountOf(directory);
  if (mount === undefined) {
    const fix = 'mount it for writing, as root';
    return { state: 'fail', message: 'no append works: the file system is read-only', fix };
  }
  const { at, readOnly, diskReadOnly } = mount;
  const place = shellWord(at);
  if (readOnly && !diskReadOnly) {
    const message = `not tried: ${at} is mounted read-only here, and its disk is not; appends by this mount fail with ERR_WAL_PERMISSION`;
    const fix = `${AS_WRITER}; to append here: mount -o remount,rw,bind ${place}, as root`;
    return { state: 'skip', message, fix };
  }
  if (readOnly) {
    const message = `no append works: ${at} is mounted read-only`;
    return { state: 'fail', message, fix: `mount -o remount,rw ${place}, as root` };
  }
  const message = `no append works: the file system at ${at} takes no writes though it is mounted for them, as after an error of the disk`;
  const fix = `look for the error ("dmesg"), then, as root: umount ${place}, fsck its disk, mount it again; the log can be read, and copied, meanwhile`;
  return { state: 'fail', message, fix };
}

/** A user who may write nothing here is a reader; a user who may write some of the files and not others cannot append. */
function refusedUser(directory: string, { path: tried = directory, code }: NodeJS.ErrnoException): Finding {
  const me = process.getuid?.();
  // A file that was made to try it is not to be looked for: the directory refused it.
  const isMade = tried.endsWith('.tmp');
  const path = isMade ? directory : tried;
  const at = attempt(() => statSync(path), undefined) ?? statSync(directory);
  const refusal = isMade
    ? `no file can be made in ${path}, and appends fail, at the latest when the next segment is begun`
    : `no append works: ${path} may not be written`;
  if (code === 'EPERM' && me === 0) {
    const fix = `look for an attribute that forbids it ("lsattr -d ${shellWord(path)}"), and take it away: chattr -i ${shellWord(path)}`;
    return { state: 'fail', message: refusal, fix };
  }
  if (at.uid === me) {
    const fix = `chmod -R u+rwX ${shellWord(directory)}`;
    return { state: 'fail', message: refusal, fix };
  }
  if (!mayWrite(directory) && !mayAppend(directory)) {
    const who = me === undefined ? 'this user' : `uid ${me}`;
    const message = `not tried: ${who} may read the log, and not write it`;
    return {
      state: 'skip',
      message,
      fix: `${AS_WRITER} (the directory is uid ${statSync(directory).uid}'s)`,
    };
  }
  const fix = `let its owner (uid ${at.uid}), or root, give you the right to write: ${rightFor(directory, at)}`;
  return { state: 'fail', message: refusal, fix };
}

function rightFor(directory: string, { gid }: { readonly gid: number }): string {
  const place = statSync(directory);
  const inGroup = (group: number) => [process.getgid?.(), ...(process.getgroups?.() ?? [])].includes(group);
  const sharing = sharingOf(place);
  if (sharing === 'group' && place.uid !== process.getuid?.() && !inGroup(place.gid))
    return `make uid ${process.getuid?.()} a member of the directory's group (gid ${place.gid}), as root`;
  if (sharing !== 'owner' || place.uid === process.getuid?.()) return opening(directory);
  return `chmod -R ${inGroup(gid) ? 'g' : 'o'}+rwX ${shellWord(directory)}`;
}

function mayAppend(directory: string): boolean {
  // A user who may not list the directory writes nothing there.
  const last = attempt(() => segmentsIn(directory).at(-1), undefined);
  return last !== undefined && mayWrite(join(directory, last.name));
}

function mayWrite(path: string): boolean {
  return attempt(() => accessSync(path, constants.W_OK) === undefined, false);
}
