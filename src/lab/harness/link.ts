import { parentPort, workerData } from 'node:worker_threads';
import type { Job, News, Word } from './messages.ts';

/** A client's line to the harness, over whatever they have in common. */
export interface Link {
  readonly job: Job;
  readonly isThread: boolean;
  hear(listener: (word: Word) => void): void;
  /** Resolves once it is on its way. */
  say(news: News): Promise<void>;
  /** Hears nothing more: nothing but open handles keeps the client going after that. */
  leave(): void;
}

/** The line of this thread, or this process. */
export function openLink(): Link {
  if (parentPort !== null) {
    const port = parentPort;
    return {
      job: workerData as Job,
      isThread: true,
      hear: (listener) => port.on('message', listener),
      say: async (news) => port.postMessage(news),
      leave: () => port.close(),
    };
  }
  // Without the harness it has nobody to report to.
  const orphaned = () => process.exit(1);
  process.on('disconnect', orphaned);
  // A terminal sends Ctrl-C to all at once; it is for the harness to say what becomes of its clients.
  process.on('SIGINT', () => {});
  return {
    job: JSON.parse(process.argv[2] as string) as Job,
    isThread: false,
    hear: (listener) => process.on('message', listener),
    say: (news) =>
      new Promise((resolve) => {
        if (process.send === undefined) resolve();
        else process.send(news, () => resolve());
      }),
    leave: () => {
      process.off('disconnect', orphaned);
      if (process.connected) process.disconnect();
    },
  };
}
