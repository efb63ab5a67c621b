import { statSync } from 'node:fs';
import { lockFitness, lockStatus } from '../../index.ts';
import { isAlive } from '../holder.ts';
import { timeText } from '../show.ts';
import { ageText, type Check, commandOn } from './check.ts';

/** A turn takes milliseconds: who has it so long is stuck. */
const LONG_MS = 10_000;
/** Clocks may differ by so much. */
const AHEAD_MS = 1000;
/** Seconds after which a lockfile that its holder does not touch is taken away, by default. */
const STALE = 2;

/** Who has the lock, and whether that is well. */
export function checkLock(directory: string): Check {
  const name = 'lock';
  const { kind, held, holder, path, heldPath } = lockStatus(directory);
  if (kind === undefined && statSync(path, { throwIfNoEntry: false }) !== undefined) {
    const message = `${path} was overwritten: the next writer makes it anew`;
    const mend = `nothing, or choose the kind: ${commandOn(directory, `lock set ${lockFitness(directory).kind}`)}`;
    return { name, state: 'warn', message, mend };
  }
  if (kind === undefined)
    return {
      name,
      state: 'ok',
      message: 'its kind is not chosen yet: the first writer on this machine does',
    };
  const alive = holder && isAlive(holder);
  const life = alive === undefined ? 'on another host' : alive ? 'alive' : 'gone';
  const last =
    holder && `pid ${holder.pid} on ${holder.host} (${life}), since ${timeText(holder.since).trimEnd()}`;
  const made = kind === 'lockfile' ? statSync(heldPath, { throwIfNoEntry: false }) : undefined;
  if (held === undefined)
    return { name, state: 'warn', message: `${kind}; whether it is held cannot be told here` };
  if (!held && made !== undefined) {
    const message = `${kind}, left behind ${ageText(Date.now() - made.mtimeMs)} ago by a holder that is gone`;
    return { name, state: 'ok', message: `${message}: the next writer takes it away` };
  }
  if (!held) return { name, state: 'ok', message: `${kind}, free${last ? `; last taken by ${last}` : ''}` };
  if (made !== undefined && made.mtimeMs > Date.now() + AHEAD_MS) {
    const age = ageText(made.mtimeMs - Date.now());
    const message = `${kind}, held, and dated ${age} ahead, as after the clock was set back: if its holder is dead, the next writer takes it away after ${STALE} s`;
    const mend = `nothing, or: ${commandOn(directory, 'lock break --force')}`;
    return { name, state: 'warn', message, mend };
  }
  const message = `${kind}, held${last ? `; last taken by ${last}` : ''}`;
  const since = holder === undefined ? Date.now() : holder.since;
  if (Date.now() - since < LONG_MS) return { name, state: 'ok', message };
  const mend = `if that holder is stuck: ${commandOn(directory, 'lock break --force')}`;
  return { name, state: 'warn', message: `${message}: longer than any turn takes`, mend };
}
