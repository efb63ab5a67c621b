import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { scriptUrl } from './script.ts';

/** The command line's program, of the same build (or source) as this file. */
export const PROGRAM = fileURLToPath(scriptUrl('cli/main'));

const MOST_MS = 300_000;

/** What a run of the command line left. */
export interface Run {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `jsonl-wal` as a process of its own. */
export function start(directory: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const env = { ...process.env, ...options.env };
  for (const name of ['NODE_TEST_CONTEXT', 'JSONL_WAL_DIR', 'NO_COLOR', 'FORCE_COLOR']) {
    if (options.env?.[name] === undefined) delete env[name];
  }
  return spawn(process.execPath, [PROGRAM, ...args], { timeout: MOST_MS, ...options, cwd: directory, env });
}

/** Runs `jsonl-wal` to its end, with that standard input. */
export async function run(
  directory: string,
  args: readonly string[],
  input: string | Buffer = '',
  env: NodeJS.ProcessEnv = {},
): Promise<Run> {
  const child = start(directory, args, { env });
  // It need not read all that it is given.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return ended(child);
}

/** Waits for a process to end, and takes what it says meanwhile. */
export async function ended(child: ChildProcess): Promise<Run> {
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr] = await Promise.all(
    [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream))),
  );
  return { code: await code, stdout: stdout as string, stderr: stderr as string };
}

/** The objects of JSON lines. */
// biome-ignore lint/suspicious/noExplicitAny: a test asks them for whatever it expects
export function objects(lines: string): any[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
