import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Wal } from '../../src/index.ts';
import { median } from '../median.ts';
import { beyond, takeTurns } from '../node-process.ts';
import { packageRoot } from '../place.ts';
import type { Figures, Work } from '../work.ts';

const LIBRARY = pathToFileURL(join(packageRoot, 'dist/jsonl-wal.js')).href;
const COMMAND = join(packageRoot, 'dist/scripts/cli/main.js');
const IMPORT = `import { Wal } from ${JSON.stringify(LIBRARY)};\n`;
const APPEND = `${IMPORT}
const wal = await Wal.open('log');
await wal.append({ op: 'add', id: 'bd-1', data: { title: 'Fix the door' } });
await wal.close();
`;

/** Programs of one file: each is a process of its own, as a hook or an agent's command is. */
export const starting: Work<'starting'> = {
  prepare: async ({ directory }) => {
    const wal = await Wal.open(join(directory, 'log'));
    await wal.append({ op: 'add', id: 'bd-0' });
    await wal.close();
    writeFileSync(join(directory, 'nothing.mjs'), '');
    writeFileSync(join(directory, 'import.mjs'), IMPORT);
    writeFileSync(join(directory, 'append.mjs'), APPEND);
  },
  trial: async ({ directory, settings }) => {
    const command = [
      COMMAND,
      '-C',
      'log',
      'append',
      '--op',
      'add',
      '--id',
      'bd-1',
      '--data',
      '{"title":"Fix"}',
    ];
    const programs = {
      nothing: { args: ['nothing.mjs'], says: '' },
      import: { args: ['import.mjs'], says: '' },
      append: { args: ['append.mjs'], says: '' },
      command: { args: command, says: '' },
    };
    const { node, ...runs } = takeTurns(directory, programs, settings.times);
    const figures: Record<string, number> = { node: median(node.map(({ cpuMs }) => cpuMs)) };
    for (const [name, ran] of Object.entries(runs)) {
      figures[name] = beyond(node, ran, 'cpuMs');
      figures[`${name}Ratio`] = median(ran.map(({ cpuMs }, i) => cpuMs / (node[i]?.cpuMs as number)));
    }
    return figures as Figures;
  },
  roles: {},
};
