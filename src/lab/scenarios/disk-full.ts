import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { messageOf } from '../../errors/errors.ts';
import { badArgument } from '../../options/options.ts';
import type { Params } from '../model.ts';
import type { Scenario } from '../scenario.ts';
import { successes } from './catalog.ts';

const FULL = 'ERR_WAL_NO_SPACE';

/** Mounts a small file system of its own. Throws ERR_WAL_ARGUMENT where that is not allowed. */
function mountSmall(directory: string, { tmpfsKiB }: Params): () => void {
  if (!tmpfsKiB) return () => {};
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${tmpfsKiB}k`, 'none', directory], { stdio: 'pipe' });
  } catch (error) {
    throw badArgument(
      `A tmpfs takes root, and the right to mount (${messageOf(error).trim()}): leave tmpfsKiB at 0, which limits the length of files`,
    );
  }
  return () => {
    // What is on it is kept, with the rest of the run.
    const kept = `${directory}.kept`;
    cpSync(directory, kept, { recursive: true });
    execFileSync('umount', [directory]);
    cpSync(kept, directory, { recursive: true });
  };
}

const scenario: Scenario = {
  name: 'disk-full',
  about: 'clients write until there is no space (a limit on files, or a small disk); then there is again',
  source: 'ours',
  module: import.meta.url,
  clients: 4,
  iterations: 30,
  as: 'processes',
  only: { kinds: ['processes'], because: 'threads have no limits of their own' },
  withoutLock: false,
  needs: [],
  params: { fileKiB: 64, tmpfsKiB: 0, bytes: 2000 },
  limits: ({ fileKiB, tmpfsKiB }) => (tmpfsKiB ? {} : { fileKiB: fileKiB as number }),
  ground: mountSmall,
  refusals: [FULL],
  // A line that is cut just before its newline.
  unknowns: [FULL],
  roles: [
    {
      name: 'writer',
      clients: (all) => all,
      step: async ({ store, name, iteration, param }) => {
        await store.append({
          op: 'add',
          id: `full-${name}-${iteration}`,
          data: { text: 'x'.repeat(param('bytes')) },
        });
      },
    },
  ],
  conclude: async ({ store, storeDirectory, param }) => {
    if (param('tmpfsKiB') > 0) execFileSync('mount', ['-o', 'remount,size=64m', storeDirectory]);
    await store.append({ op: 'add', id: 'space-again', data: { text: 'x'.repeat(param('bytes')) } });
  },
  checks: [
    {
      name: 'appends went through, then there was no space, and then they did again',
      *examine(evidence) {
        const { operations, found } = evidence;
        if (successes(evidence).length === 0) yield 'none went through';
        if (!operations.some(({ reason }) => reason === FULL)) yield 'there was space for all';
        if (found.at(-1)?.id !== 'space-again') yield 'the last is not there';
      },
    },
  ],
  results: (evidence) => [
    [
      'Ground',
      evidence.params.tmpfsKiB
        ? `a tmpfs of ${evidence.params.tmpfsKiB} KiB`
        : `files of ${evidence.params.fileKiB} KiB at most`,
    ],
    ['Appended', successes(evidence).length],
    ['Refused for want of space', evidence.operations.filter(({ reason }) => reason === FULL).length],
  ],
};
export default scenario;
