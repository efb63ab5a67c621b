import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './median.ts';

/** Tells the processor time on a pipe of its own when the process ends; node alone is measured with it, too. */
const TELL_CPU = `process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  require('node:fs').writeSync(3, String(user + system));
});
`;

/** A process of node: its arguments, and what it must print. */
export interface NodeProcess {
  readonly args: readonly string[];
  readonly says: string;
}

/** What a process took, in milliseconds. */
export interface Ran {
  readonly ms: number;
  readonly cpuMs: number;
}

/** One process of node that does nothing, and one of each program, take turns so often in a directory. */
export function takeTurns(
  directory: string,
  programs: Readonly<Record<string, NodeProcess>>,
  times: number,
): { readonly node: readonly Ran[] } & Readonly<Record<string, readonly Ran[]>> {
  writeFileSync(join(directory, 'tell-cpu.cjs'), TELL_CPU);
  const all = Object.entries<NodeProcess>({ node: { args: ['-e', '0'], says: '' }, ...programs });
  const runs = Object.fromEntries(all.map(([name]) => [name, [] as Ran[]]));
  for (let i = 0; i < times; i++)
    for (const [name, program] of all) runs[name]?.push(run(directory, program));
  return runs as unknown as ReturnType<typeof takeTurns>;
}

/** The median of what a process takes beyond node alone. */
export function beyond(node: readonly Ran[], runs: readonly Ran[], part: keyof Ran): number {
  return median(runs.map((ran) => ran[part])) - median(node.map((ran) => ran[part]));
}

function run(directory: string, { args, says }: NodeProcess): Ran {
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
