import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
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

/** What of the environment is about another program than the one that is started. */
const FOREIGN = ['NODE_TEST_CONTEXT', 'JSONL_WAL_DIR', 'NO_COLOR', 'FORCE_COLOR'];

/** Starts `jsonl-wal` as a process of its own. */
export function start(directory: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const env = { ...process.env, ...options.env };
  for (const name of FOREIGN) {
    if (options.env?.[name] === undefined) delete env[name];
  }
  return spawn(process.execPath, [PROGRAM, ...args], { timeout: MOST_MS, ...options, cwd: directory, env });
}

/** Runs `jsonl-wal` to its end as a process of its own, with that standard input. */
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

/** What a run listens for, and leaves to the end of its process. Added up, Node would warn of a leak on the stderr of the eleventh. */
const EVENTS: readonly string[] = ['warning', 'SIGINT', 'SIGTERM'];

let runs = 0;
/** The run before: working directory, arguments and streams are the process's, so that one follows the other. */
let before: Promise<unknown> = Promise.resolve();

/**
 * The same in this process: a tenth of the work, for where it is not about the process itself (its signals, its locks, its
 * end). The program's modules are loaded once, but for its main module. `program`: another one than the command line.
 */
export function runHere(
  directory: string,
  args: readonly string[],
  input: string | Buffer = '',
  env: NodeJS.ProcessEnv = {},
  program = PROGRAM,
): Promise<Run> {
  const ended = before.then(() => runNow(directory, args, input, env, program));
  before = ended.catch(() => {});
  return ended;
}

async function runNow(
  directory: string,
  args: readonly string[],
  input: string | Buffer,
  env: NodeJS.ProcessEnv,
  program: string,
): Promise<Run> {
  const { argv, exitCode } = process;
  // The environment itself, which the operating system's calls read too.
  const ownEnv = { ...process.env };
  const ownConsole = globalThis.console;
  const at = process.cwd();
  const listeners = EVENTS.map((event) => [event, process.rawListeners(event)] as const);
  const [stdout, stderr] = [new Kept(), new Kept()];
  const streams = { stdin: Readable.from(input.length === 0 ? [] : [Buffer.from(input)]), stdout, stderr };
  const own = Object.keys(streams).map(
    (name) => [name, Object.getOwnPropertyDescriptor(process, name) as PropertyDescriptor] as const,
  );
  try {
    for (const [name, value] of Object.entries(streams))
      Object.defineProperty(process, name, { configurable: true, value });
    for (const name of FOREIGN) delete process.env[name];
    Object.assign(process.env, env);
    process.chdir(directory);
    process.argv = [process.execPath, program, ...args];
    process.exitCode = undefined;
    await import(`${pathToFileURL(program)}?run=${++runs}`);
    // Warnings are told a moment later.
    await nextTurn();
    return { code: Number(process.exitCode ?? 0), stdout: stdout.text, stderr: stderr.text };
  } finally {
    for (const [name, descriptor] of own) Object.defineProperty(process, name, descriptor);
    for (const [event, before] of listeners) {
      process.removeAllListeners(event);
      for (const listener of before) process.on(event, listener as () => void);
    }
    globalThis.console = ownConsole;
    for (const name of Object.keys(process.env)) if (!(name in ownEnv)) delete process.env[name];
    Object.assign(process.env, ownEnv);
    process.chdir(at);
    process.argv = argv;
    process.exitCode = exitCode;
  }
}

/** Keeps what is written to it. */
class Kept extends Writable {
  readonly #pieces: Buffer[] = [];

  override _write(piece: Buffer, _: BufferEncoding, done: () => void): void {
    this.#pieces.push(piece);
    done();
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString();
  }
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
