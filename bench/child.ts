import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { CatchUpBuffer } from './inbox.ts';
import type { Job, Kind } from './work.ts';

const SCRIPT = new URL(`./child-main${extname(import.meta.url)}`, import.meta.url);
/** Nothing that is measured takes this long. */
const PATIENCE_MS = 180_000;

const running = new Set<Child>();
process.on('exit', () => {
  for (const child of running) child.process.kill('SIGKILL');
});

/** What a child process sends. */
export type Message =
  | { readonly said: unknown }
  | { readonly answer: unknown }
  | { readonly failed: Failure };

export interface Failure {
  readonly message: string;
  readonly code?: string;
}

/** A process that plays one role of a trial. */
export class Child {
  readonly process: ChildProcess;
  readonly #said = new CatchUpBuffer();
  readonly #answers = new CatchUpBuffer();
  readonly #ended: Promise<void>;

  constructor(job: Job<Kind>) {
    this.process = fork(SCRIPT, [JSON.stringify(job)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    running.add(this);
    const patience = setTimeout(() => this.process.kill('SIGKILL'), PATIENCE_MS);
    this.process.on('message', (message: Message) => this.#heard(message));
    // What it sent last may come after its exit, but not after the channel's end.
    this.#ended = Promise.all([once(this.process, 'exit'), once(this.process, 'disconnect')]).then(() => {
      clearTimeout(patience);
      running.delete(this);
      const { signalCode, exitCode } = this.process;
      const how = signalCode ?? `status ${exitCode}`;
      this.#end(new Error(`The child process for ${job.role} ended early (${how})`));
    });
  }

  #heard(message: Message): void {
    if ('said' in message) this.#said.put(message.said);
    else if ('answer' in message) this.#answers.put(message.answer);
    else this.#end(Object.assign(new Error(message.failed.message), { code: message.failed.code }));
  }

  #end(error: Error): void {
    this.#said.end(error);
    this.#answers.end(error);
  }

  say(message: unknown): void {
    this.process.send(message as object);
  }

  /** The next thing the child says. */
  hear(): Promise<unknown> {
    return this.#said.take();
  }

  /** What its role came to, once the process is gone. */
  async answer(): Promise<unknown> {
    const answer = await this.#answers.take();
    await this.#ended;
    return answer;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#ended;
  }
}

/** Ends every child that is still there, as after a failure. */
export async function killAll(): Promise<void> {
  await Promise.all([...running].map((child) => child.kill()));
}
