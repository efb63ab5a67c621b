import { badArgument } from '../../options/options.ts';
import { Child } from '../child.ts';
import type { ProcessLimits } from '../model.ts';
import { startThread } from '../threads.ts';
import type { Job, News, Word } from './messages.ts';

/** The harness's side of one process or thread. */
export interface Hand {
  readonly pid: number | undefined;
  /** Resolves once it is gone: with what went wrong, or undefined where it ended of itself. */
  readonly ended: Promise<string | undefined>;
  send(word: Word): void;
  kill(): void;
  /** Throws ERR_WAL_ARGUMENT for a thread. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

/** `NODE_DEBUG` is asked for to be read as it comes; otherwise stderr only explains an end. */
const keepStderr = process.env.NODE_DEBUG === undefined;

export function startProcess(job: Job, limits: ProcessLimits, hear: (news: News) => void): Hand {
  const { fileKiB: fileBlocks, openFiles } = limits;
  const bounds = {
    ...(fileBlocks !== undefined && { fileBlocks }),
    ...(openFiles !== undefined && { openFiles }),
  };
  const child = new Child<News>('harness/client-main', job, { keepStderr, ...bounds }, hear);
  const ended = child.ended.then(
    (ending) => {
      if (ending === 0) return undefined;
      const how =
        typeof ending === 'number' ? `ended with exit code ${ending}` : `was ended by ${String(ending)}`;
      return [how, child.complaint].filter((part) => part !== '').join(': ');
    },
    (error: Error) => `could not be started: ${error.message}`,
  );
  return {
    pid: child.pid,
    ended,
    send: (word) => child.send(word),
    kill: () => child.signal('SIGKILL'),
    signal: (signal) => child.signal(signal),
  };
}

export function startClientThread(job: Job, hear: (news: News) => void): Hand {
  const worker = startThread('harness/client-main', job);
  let problem: string | undefined;
  worker.on('message', hear);
  worker.on('error', (error: Error) => {
    problem = `died: ${error.stack ?? error.message}`;
  });
  return {
    pid: process.pid,
    ended: new Promise((resolve) => {
      worker.once('exit', (code) => resolve(problem ?? (code === 0 ? undefined : `ended with code ${code}`)));
    }),
    send: (word) => worker.postMessage(word),
    kill: () => void worker.terminate(),
    signal: () => {
      throw badArgument('A thread cannot be stopped: run it with processes');
    },
  };
}
