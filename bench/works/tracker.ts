import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeMany } from '../../examples/issue-tracker/make-many.ts';
import { Tracker } from '../../examples/issue-tracker/tracker.ts';
import { median } from '../median.ts';
import type { Figures, Work } from '../work.ts';

const MAIN = fileURLToPath(
  new URL(`../../examples/issue-tracker/main${extname(import.meta.url)}`, import.meta.url),
);

/** Tells the processor time on a pipe of its own when the process ends; node alone is measured with it, too. */
const TELL_CPU = `process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  require('node:fs').writeSync(3, String(user + system));
});
`;

interface Ran {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Commands of the example tracker as an agent runs them: what does a process cost beyond one of node that does nothing? */
export const tracker: Work<'tracker'> = {
  prepare: async ({ directory, settings }) => {
    writeFileSync(join(directory, 'tell-cpu.cjs'), TELL_CPU);
    await makeMany(directory, { ...settings, seed: 1 });
  },
  trial: async ({ directory, settings }) => {
    const { id, title } = await firstOf(directory);
    const commands: readonly (readonly [string, readonly string[], string])[] = [
      ['node', ['-e', '0'], ''],
      ['ready', [MAIN, 'ready'], id],
      ['list', [MAIN, 'list'], id],
      ['show', [MAIN, 'show', id], title],
    ];
    const runs = new Map<string, Ran[]>(commands.map(([name]) => [name, []]));
    for (let i = 0; i < settings.times; i++) {
      for (const [name, args, says] of commands) runs.get(name)?.push(run(directory, args, says));
    }
    const of = (name: string, part: keyof Ran): number =>
      median((runs.get(name) as Ran[]).map((ran) => ran[part]));
    const figures: Record<string, number> = { node: of('node', 'ms'), nodeCpu: of('node', 'cpuMs') };
    for (const [name] of commands.slice(1)) {
      figures[name] = of(name, 'ms') - of('node', 'ms');
      figures[`${name}Cpu`] = of(name, 'cpuMs') - of('node', 'cpuMs');
    }
    return figures as Figures;
  },
  roles: {},
};

/** The issue that ready and list begin with: they must tell it. */
async function firstOf(directory: string): Promise<{ readonly id: string; readonly title: string }> {
  const opened = await Tracker.open(directory, { readOnly: true });
  try {
    for (const { value } of opened.issues.inOrder())
      if (value.claim === undefined && value.blockedBy.length === 0) return value;
    throw new Error('no issue is open');
  } finally {
    await opened.close();
  }
}

function run(directory: string, args: readonly string[], says: string): Ran {
  const begun = performance.now();
  const ran = spawnSync(process.execPath, ['--require', './tell-cpu.cjs', ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  const ms = performance.now() - begun;
  if (ran.status !== 0 || !ran.stdout.includes(says))
    throw new Error(`${args.join(' ')} failed: ${ran.stderr}`);
  return { ms, cpuMs: Number(ran.output[3]) / 1000 };
}
