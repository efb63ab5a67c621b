// Plays one role of one trial in a process of its own, and ends.
import type { Failure, Message } from './child.ts';
import { CatchUpBuffer } from './inbox.ts';
import type { Job, Kind, Link, Work } from './work.ts';
import { WORKS } from './works.ts';

const job = JSON.parse(process.argv[2] as string) as Job;
const inbox = new CatchUpBuffer();
const send = (message: Message): void => {
  process.send?.(message);
};
process.on('message', (message) => inbox.put(message));
// Without its parent nobody wants the answer, and what it holds must not stay locked.
process.on('disconnect', () => process.exit());

const link: Link = { say: (said) => send({ said }), hear: () => inbox.take() };
const work = WORKS[job.settings.kind] as Work<Kind>;
try {
  const answer = await work.roles[job.role]?.(job, link);
  process.send?.({ answer: answer ?? null } satisfies Message, () => process.exit());
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  const failed: Failure = { message, ...(code !== undefined && { code }) };
  process.send?.({ failed } satisfies Message, () => process.exit(1));
}
