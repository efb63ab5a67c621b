import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { LOCK_KINDS, type LockKind, lockStatus, setLockKind } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { requireLog, usageError } from '../failure.ts';
import { breakLock, isAlive } from '../holder.ts';
import { Output, print, type Row, timeText } from '../output.ts';

export default function lockCommand(): Command {
  return makeCommand('lock', ['lock status', 'lock set lockfile', 'lock break --force'])
    .addCommand(statusCommand())
    .addCommand(setCommand())
    .addCommand(breakCommand());
}

function statusCommand(): Command {
  return makeCommand('status', ['lock status --json'])
    .description('print the kind of the lock, whether it is held, and by which process')
    .action(async (_options: unknown, command: Command) => {
      const { dir, json } = settingsOf(command);
      requireLog(dir);
      const { kind, held, holder, path } = lockStatus(dir);
      const alive = holder && isAlive(holder);
      // A dead process holds nothing: the holder did not write its name.
      const role = !held ? 'last holder' : alive === false ? 'last known holder' : 'holder';
      const life = alive === undefined ? 'on another host' : alive ? 'alive' : 'dead';
      const who =
        holder &&
        `pid ${holder.pid} (${life}), host ${holder.host}, thread ${holder.thread}, since ${timeText(holder.since)}`;
      const rows = (): Row[] => [
        ['kind', kind ?? 'not chosen yet: the first writer on this machine chooses'],
        ['held', held === undefined ? 'cannot be told here' : held ? 'yes' : 'no'],
        ...(who === undefined ? [] : [[role, who] as const]),
        ['file', path],
      ];
      const facts = {
        kind: kind ?? null,
        held: held ?? null,
        holder: holder ? { ...holder, alive } : null,
        path,
      };
      await print(json, facts, rows);
    });
}

function setCommand(): Command {
  return makeCommand('set', ['lock set lockfile'])
    .description('use another kind of lock for this log on this machine')
    .addArgument(new Argument('<kind>', 'kernel or lockfile').choices(LOCK_KINDS))
    .action(async (kind: LockKind, _options: unknown, command: Command) => {
      const { dir, json } = settingsOf(command);
      requireLog(dir);
      setLockKind(dir, kind);
      const done = `The log is locked with the ${kind} lock from now on.`;
      const others =
        'A process that has it open keeps the other until it closes the log; that costs retries, no data.';
      await printDone(json, { kind }, done, `\n${others}`);
    });
}

async function printDone(json: boolean, value: object, done: string, more = ''): Promise<void> {
  const output = new Output();
  output.done = { told: done };
  if (json) await output.json(value);
  else await output.line(`${done}${more}`);
  await output.flush();
}

function breakCommand(): Command {
  return makeCommand('break', ['lock break --force'])
    .description('take a stuck lock from its holder; nothing is lost by it')
    .option('--force', 'do it')
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, force } = settingsOf<{ force?: true }>(command);
      requireLog(dir);
      if (!force)
        throw usageError('Breaking a lock needs --force; "jsonl-wal lock status" says who holds it.');
      const { kind, done } = breakLock(resolve(dir));
      await printDone(json, { kind, done }, done);
    });
}
