import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeMany } from '../../examples/issue-tracker/make-many.ts';
import { Tracker } from '../../examples/issue-tracker/tracker.ts';
import { median } from '../median.ts';
import { beyond, takeTurns } from '../node-process.ts';
import type { Figures, Work } from '../work.ts';

const MAIN = fileURLToPath(
  new URL(`../../examples/issue-tracker/main${extname(import.meta.url)}`, import.meta.url),
);

/** Commands of the example tracker as an agent runs them: what does a process cost beyond one of node that does nothing? */
export const tracker: Work<'tracker'> = {
  prepare: async ({ directory, settings }) => {
    await makeMany(directory, { ...settings, seed: 1 });
  },
  trial: async ({ directory, settings }) => {
    const { id, title } = await firstOf(directory);
    const commands = {
      ready: { args: [MAIN, 'ready'], says: id },
      list: { args: [MAIN, 'list'], says: id },
      show: { args: [MAIN, 'show', id], says: title },
    };
    const { node, ...runs } = takeTurns(directory, commands, settings.times);
    const figures: Record<string, number> = {
      node: median(node.map(({ ms }) => ms)),
      nodeCpu: median(node.map(({ cpuMs }) => cpuMs)),
    };
    for (const [name, ran] of Object.entries(runs)) {
      figures[name] = beyond(node, ran, 'ms');
      figures[`${name}Cpu`] = beyond(node, ran, 'cpuMs');
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
