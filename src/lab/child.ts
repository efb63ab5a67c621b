import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { scriptUrl } from './script.ts';

export interface ChildOptions {
  /** The most 1,024-byte blocks that a file of it may have (`ulimit -f`). */
  readonly fileBlocks?: number;
  /** The most open files it may have (`ulimit -n`). */
  readonly openFiles?: number;
  /** Runs it as this user. */
  readonly uid?: number;
  /** Keep what it says on stderr in `complaint`, in place of passing it on. */
  readonly keepStderr?: boolean;
}

/** How much of a complaint is kept, at its end. */
const MOST_COMPLAINT = 4000;

/** How a child ended: its exit code, or the signal that ended it. */
export type Ending = number | NodeJS.Signals | null;

/** A script of this folder, or one elsewhere, in a process of its own, given one argument and talking over IPC. */
export class Child<Message> {
  readonly messages: Message[] = [];
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;
  readonly #listener: ((message: Message) => void) | undefined;
  #over = false;
  readonly #waiting = new Set<() => void>();
  #complaint = '';

  /** `listener`: is told each message, which is then not kept in `messages`. */
  constructor(
    script: string | URL,
    argument: unknown,
    options: ChildOptions = {},
    listener?: (message: Message) => void,
  ) {
    this.#listener = listener;
    const url = script instanceof URL ? script : scriptUrl(`lab/${script}`);
    this.#process = start(fileURLToPath(url), JSON.stringify(argument), options);
    this.#process.on('message', (message) => this.#take(message as Message));
    this.#process.stderr?.on('data', (bytes: Buffer) => {
      this.#complaint = (this.#complaint + bytes.toString()).slice(-MOST_COMPLAINT);
    });
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', reject);
      // 'close' and not 'exit': what it said last has arrived by then.
      this.#process.on('close', (code, signal) => {
        this.#over = true;
        this.#heard();
        resolve(signal ?? code);
      });
    });
  }

  /** Wakes all who wait for news. */
  #heard(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #take(message: Message): void {
    if (this.#listener !== undefined) {
      this.#listener(message);
      return;
    }
    this.messages.push(message);
    this.#heard();
  }

  get running(): boolean {
    return !this.#over;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The end of what it said on stderr, where that is kept. */
  get complaint(): string {
    return this.#complaint.trim();
  }

  send(message: string | object): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  /** Waits until it is stopped, as by SIGSTOP. */
  async stopped(): Promise<void> {
    const state = () =>
      execFileSync('ps', ['-o', 'state=', '-p', String(this.#process.pid)], { encoding: 'utf8' });
    while (!state().startsWith('T')) await sleep(20);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#process.kill(signal);
  }

  /** Waits for a message that fits, of those that came already or are to come. */
  async told<Wanted extends Message>(fits: (message: Message) => message is Wanted): Promise<Wanted>;
  async told(fits: (message: Message) => boolean): Promise<Message>;
  async told(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      if (this.#over)
        throw new Error(`the child ended without saying it; it said ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }
}

function start(script: string, argument: string, options: ChildOptions): ChildProcess {
  const { fileBlocks, openFiles, uid, keepStderr = false } = options;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const spawning = {
    env,
    // What somebody's module prints is not the answer of the program that runs it.
    stdio: ['ignore', 2, keepStderr ? 'pipe' : 'inherit', 'ipc'] as const,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  };
  const limits = [
    ...(fileBlocks === undefined ? [] : [`ulimit -f ${fileBlocks}`]),
    ...(openFiles === undefined ? [] : [`ulimit -n ${openFiles}`]),
  ];
  if (limits.length === 0)
    return spawn(process.execPath, [script, argument], { ...spawning, stdio: [...spawning.stdio] });
  const command = `${limits.join('; ')}; exec "$0" "$@"`;
  return spawn('bash', ['-c', command, process.execPath, script, argument], {
    ...spawning,
    stdio: [...spawning.stdio],
  });
}
