import type { Scale, Section } from './section.ts';

export const CALLS_LONE = 'calls of a lone append';
export const CALLS_IN_FLIGHT = 'calls of an append of 1,024 in flight';
export const CALLS_RECORD = 'calls of a record that is read';

const COLUMNS = [
  { figure: 'functions', title: 'functions' },
  { figure: 'calls', title: 'calls' },
  { figure: 'files', title: 'files' },
  { figure: 'source', title: 'KB of source' },
];

/** How much of the library runs for one of each. */
export function calls({ share }: Scale): Section[] {
  const many = 10_240 * share;
  return [
    {
      name: CALLS_LONE,
      settings: { kind: 'calls', of: 'append', inFlight: 1, times: 20 },
      columns: COLUMNS,
      subjects: ['wal kernel', 'wal lockfile', 'wal appendSync'],
      rounds: 1,
    },
    {
      name: CALLS_IN_FLIGHT,
      settings: { kind: 'calls', of: 'append', inFlight: 1024, times: many },
      columns: COLUMNS,
      subjects: ['wal kernel'],
      rounds: 1,
    },
    {
      name: CALLS_RECORD,
      settings: { kind: 'calls', of: 'record', inFlight: 1, times: many },
      columns: COLUMNS,
      subjects: ['wal kernel'],
      rounds: 1,
    },
  ];
}
