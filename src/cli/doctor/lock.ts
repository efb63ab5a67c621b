import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Holder } from '../../errors/errors.ts';
import { type LockKind, type LockStatus, lockFitness, lockStatus } from '../../index.ts';
import { isAlive, isStopped } from '../holder.ts';
import { timeText } from '../output.ts';
import { ageText, commandOn, type Finding, SEE_APPEND } from './check.ts';

/** A turn takes milliseconds: a holder that keeps the lock this long may be stuck. */
const LONG_MS = 10_000;
/** A holder that keeps it this long is stuck: each append waits in vain, then continues without the lock, or fails if the lock is strict. */
export const STUCK_MS = 60_000;
/** Wait before the second look: a process that has just taken the lock may not have written its name yet. */
const AGAIN_MS = 100;
/** Clocks may differ by so much. */
const AHEAD_MS = 1000;
/** Seconds after which a lockfile that its holder does not touch is taken away, by default. */
const STALE = 2;

/** Which process has the lock, and whether it is stuck. */
export async function checkLock(directory: string): Promise<Finding> {
  const { kind, held, holder, path, heldPath } = await settledStatus(directory);
  if (kind === undefined && statSync(path, { throwIfNoEntry: false }) !== undefined) {
    const message = `${path} was overwritten: the next writer writes it again`;
    const fix = `nothing, or choose the kind: ${commandOn(directory, `lock set ${lockFitness(directory).kind}`)}`;
    return { state: 'warn', message, fix };
  }
  if (kind === undefined)
    return { state: 'ok', message: 'its kind is not chosen yet: the first writer on this machine chooses' };
  const alive = holder && isAlive(holder);
  const life = alive === undefined ? 'on another host' : alive ? 'alive' : 'dead';
  const last =
    holder && `pid ${holder.pid} on ${holder.host} (${life}), since ${timeText(holder.since).trimEnd()}`;
  const made = kind === 'lockfile' ? statSync(heldPath, { throwIfNoEntry: false }) : undefined;
  if (held === undefined) {
    const message = `${kind}; whether it is held is known only to a user who may append`;
    return { state: 'skip', message, fix: SEE_APPEND };
  }
  if (!held && made !== undefined) {
    const message = `${kind}, left behind ${ageText(Date.now() - made.mtimeMs)} ago by a holder that is dead`;
    return { state: 'ok', message: `${message}: the next writer takes it away` };
  }
  if (!held) return { state: 'ok', message: `${kind}, free${last ? `; last taken by ${last}` : ''}` };
  if (made !== undefined && made.mtimeMs > Date.now() + AHEAD_MS) {
    const age = ageText(made.mtimeMs - Date.now());
    const message = `${kind}, held, and dated ${age} ahead, as after the clock was set back: if its holder is dead, the next writer takes it away after ${STALE} s`;
    const fix = `nothing, or: ${commandOn(directory, 'lock break --force')}`;
    return { state: 'warn', message, fix };
  }
  const message = `${kind}, held${last ? `; last taken by ${last}` : ''}`;
  const heldMs = heldFor(holder);
  if (holder === undefined || heldMs < LONG_MS) return { state: 'ok', message };
  const longer = `${message}: longer than any turn takes`;
  const fix = freed(directory, kind, holder, alive);
  if (heldMs < STUCK_MS) return { state: 'warn', message: longer, fix };
  return { state: 'fail', message: `${longer}, and each append waits for it`, fix };
}

/** Looks once more where the lock is held for long, as it seems. */
async function settledStatus(directory: string): Promise<LockStatus> {
  const status = lockStatus(directory);
  if (!status.held || heldFor(status.holder) < LONG_MS) return status;
  await setTimeout(AGAIN_MS);
  return lockStatus(directory);
}

function heldFor(holder: Holder | undefined): number {
  return holder === undefined ? 0 : Date.now() - holder.since;
}

/** How the lock is got from its holder. */
function freed(directory: string, kind: LockKind, { pid }: Holder, alive: boolean | undefined): string {
  const broken = commandOn(directory, 'lock break --force');
  const take = kind === 'lockfile' ? broken : `${broken}, and restart the programs that append`;
  if (!alive) return `if that holder is stuck: ${take}`;
  const end = `kill -KILL ${pid} (nothing acknowledged is lost by that)`;
  return isStopped(pid) ? `kill -CONT ${pid}; or ${end}` : `if that holder is stuck: ${end}; or ${take}`;
}
