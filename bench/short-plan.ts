import type { Scale, Section } from './section.ts';

export const STARTING = 'starting, a process each';
export const LARGE = 'entries of 8 MB';

/** What a process costs that is there for one append, and what an append costs whose entry is large. */
export function shorts({ stateRounds, share }: Scale): Section[] {
  return [
    {
      name: STARTING,
      settings: { kind: 'starting', times: Math.ceil(21 * share) },
      columns: [
        { figure: 'node', title: 'node CPU ms' },
        { figure: 'nothing', title: 'empty module + ms' },
        { figure: 'import', title: 'import + ms' },
        { figure: 'append', title: 'append + ms' },
        { figure: 'command', title: 'command + ms' },
        { figure: 'nothingRatio', title: 'empty module / node' },
        { figure: 'importRatio', title: 'import / node' },
        { figure: 'appendRatio', title: 'append / node' },
        { figure: 'commandRatio', title: 'command / node' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: LARGE,
      settings: { kind: 'large', bytes: 8e6, times: Math.ceil(9 * share) },
      columns: [
        { figure: 'objects', title: 'objects CPU ms' },
        { figure: 'objectsRatio', title: '/ stringify' },
        { figure: 'deep', title: 'deep CPU ms' },
        { figure: 'deepRatio', title: '/ stringify' },
        { figure: 'text', title: 'text CPU ms' },
        { figure: 'textRatio', title: '/ stringify' },
        { figure: 'foreign', title: 'not ASCII CPU ms' },
        { figure: 'foreignRatio', title: '/ stringify' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
  ];
}
