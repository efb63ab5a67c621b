import type { Command } from 'commander';
import { printable } from '../../format/printable.ts';
import { forgetRewinds } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import type { Check } from '../doctor/check.ts';
import { examine } from '../doctor/examine.ts';
import { STUCK_MS } from '../doctor/lock.ts';
import { EXIT } from '../failure.ts';
import { onLog } from '../on-log.ts';
import { refuseAddress } from '../opening.ts';
import { Output } from '../output.ts';
import type { Style } from '../style.ts';

const STYLES: Readonly<Record<Check['state'], Style>> = {
  ok: 'green',
  skip: 'yellow',
  warn: 'yellow',
  fail: 'red',
};
const NAME_CELLS = 11;
const STATE_CELLS = 6;

export function doctorCommand(): Command {
  return makeCommand('doctor', ['doctor', 'doctor --json | jq \'.checks[] | select(.state != "ok")\''])
    .addHelpText(
      'after',
      `
No byte of the log is changed, whatever is wrong with it. What an append does is tried: the lock, files made in its directory and
removed, and opening the last segment to write. A lock that is held for longer than ${STUCK_MS / 1000} s fails.
Exit codes: 0 nothing fails (there may be warnings); 1 something does; 4 data is damaged; 7 nothing fails, but no append was
tried, for who asks may only read: a monitor that runs so takes 7 for well.
With --json, "verdict" says the same: ok, failed, damaged, untried.`,
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
      for await (const found of examine(dir)) {
        const check = pasteable(found, dir);
        checks.push(check);
        if (json) continue;
        await show(check, output);
        await output.flush();
      }
      const verdict = verdictOn(checks);
      if (json) {
        const told = checks.map(({ name, state, message, mend }) => ({
          name,
          state,
          message,
          mend: mend ?? null,
        }));
        await output.json({ ok: verdict === 'ok', verdict, directory: dir, checks: told });
      }
      await output.flush();
      process.exitCode = EXIT_OF[verdict];
    });
}

/** With all commands on the log that was looked at. */
function pasteable(check: Check, directory: string): Check {
  const { message, mend } = check;
  return { ...check, message: onLog(message, directory), ...(mend && { mend: onLog(mend, directory) }) };
}

const EXIT_OF = { ok: EXIT.ok, failed: EXIT.error, damaged: EXIT.corruption, untried: EXIT.untried } as const;

function verdictOn(checks: readonly Check[]): keyof typeof EXIT_OF {
  if (checks.some(({ state, corrupt }) => state === 'fail' && corrupt)) return 'damaged';
  if (checks.some(({ state }) => state === 'fail')) return 'failed';
  return checks.some(({ state }) => state === 'skip') ? 'untried' : 'ok';
}

async function show({ name, state, message, mend }: Check, output: Output): Promise<void> {
  const mark = output.style(STYLES[state], `[${state}]`.padEnd(STATE_CELLS));
  await output.line(`${mark} ${output.style('dim', name.padEnd(NAME_CELLS))}  ${printable(message)}`);
  if (mend === undefined) return;
  const indent = ' '.repeat(STATE_CELLS + 1 + NAME_CELLS + 2);
  await output.line(`${indent}${output.style('bold', 'mend:')} ${printable(mend)}`);
}
