import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { LOCK_KINDS, type LockKind, lockStatus, setLockKind } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { requireLog, usageError } from '../failure.ts';
import { breakLock, isAlive } from '../holder.ts';
import { Output, timeText } from '../output.ts';

export function lockCommand(): Command {
  return makeCommand('lock', ['lock status', 'lock set lockfile', 'lock break --force'])
    .addCommand(statusCommand())
    .addCommand(setCommand())
    .addCommand(breakCommand());
}

function statusCommand(): Command {
  return makeCommand('status', ['lock status --json'])
    .description('its kind, whether it is held right now, and by whom')
    .action(async (_options: unknown, command: Command) => {
      const { dir, json } = settingsOf(command);
      requireLog(dir);
      const { kind, held, holder, path } = lockStatus(dir);
      const alive = holder && isAlive(holder);
      // Who is gone holds nothing: whoever does left no hint.
      const role = !held ? 'last holder' : alive === false ? 'last known holder' : 'holder';
      const output = new Output();
      if (json) {
        const who = holder && { ...holder, alive };
        await output.json({ kind: kind ?? null, held: held ?? null, holder: who ?? null, path });
      } else {
        const life = alive === undefined ? 'on another host' : alive ? 'alive' : 'gone';
        await output.facts([
          ['kind', kind ?? 'not chosen yet: the first writer on this machine does'],
          ['held', held === undefined ? 'cannot be told here' : held ? 'yes' : 'no'],
          ...(holder
            ? ([
                [
                  role,
                  `pid ${holder.pid} (${life}), host ${holder.host}, thread ${holder.thread}, since ${timeText(holder.since)}`,
                ],
              ] as const)
            : []),
          ['file', path],
        ]);
      }
      await output.flush();
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
      const output = new Output();
      output.done = { told: `The log is locked with the ${kind} lock from now on.` };
      if (json) await output.json({ kind });
      else {
        await output.line(`The log is locked with the ${kind} lock from now on.`);
        await output.line('Who has it open keeps the other until it is closed; that costs retries, no data.');
      }
      await output.flush();
    });
}

function breakCommand(): Command {
  return makeCommand('break', ['lock break --force'])
    .description('take a stuck lock from its holder; nothing is lost by it')
    .option('--force', 'do it')
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, force } = settingsOf<{ force?: true }>(command);
      requireLog(dir);
      if (!force)
        throw usageError('Breaking a lock needs --force; "jsonl-wal lock status" tells who holds it.');
      const { kind, done } = breakLock(resolve(dir));
      const output = new Output();
      output.done = { told: done };
      if (json) await output.json({ kind, done });
      else await output.line(done);
      await output.flush();
    });
}
