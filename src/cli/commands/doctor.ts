import type { Command } from 'commander';
import { printable } from '../../format/printable.ts';
import { forgetRewinds } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import type { Check } from '../doctor/check.ts';
import { examine } from '../doctor/examine.ts';
import { EXIT } from '../failure.ts';
import { refuseAddress } from '../opening.ts';
import { Output } from '../output.ts';
import type { Style } from '../style.ts';

const STYLES: Readonly<Record<Check['state'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };
const NAME_CELLS = 11;
const STATE_CELLS = 6;

export function doctorCommand(): Command {
  return makeCommand('doctor', ['doctor', 'doctor --json | jq \'.checks[] | select(.state != "ok")\''])
    .addHelpText(
      'after',
      '\nThe log itself is only read, whatever is wrong with it. To try the lock, a file is made in its directory, and removed.\nExit codes: 0 nothing fails (there may be warnings), 1 something does, 4 data is damaged.',
    )
    .option(
      '--forget',
      'forget what this machine saw acknowledged and the log does not hold: it was cut, restored or checked out on purpose',
    )
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, forget } = settingsOf<{ readonly forget?: true }>(command);
      refuseAddress(dir);
      if (forget) forgetRewinds(dir);
      const output = new Output();
      const checks: Check[] = [];
      for await (const check of examine(dir)) {
        checks.push(check);
        if (json) continue;
        await show(check, output);
        await output.flush();
      }
      const failed = checks.filter(({ state }) => state === 'fail');
      if (json) {
        const told = checks.map(({ name, state, message, mend }) => ({
          name,
          state,
          message,
          mend: mend ?? null,
        }));
        await output.json({ ok: failed.length === 0, directory: dir, checks: told });
      }
      await output.flush();
      if (failed.length > 0)
        process.exitCode = failed.some(({ corrupt }) => corrupt) ? EXIT.corruption : EXIT.error;
    });
}

async function show({ name, state, message, mend }: Check, output: Output): Promise<void> {
  const mark = output.style(STYLES[state], `[${state}]`.padEnd(STATE_CELLS));
  await output.line(`${mark} ${output.style('dim', name.padEnd(NAME_CELLS))}  ${printable(message)}`);
  if (mend === undefined) return;
  const indent = ' '.repeat(STATE_CELLS + 1 + NAME_CELLS + 2);
  await output.line(`${indent}${output.style('bold', 'mend:')} ${printable(mend)}`);
}
