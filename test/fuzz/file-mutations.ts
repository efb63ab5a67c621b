import { COVERED_OFFSET } from '../../src/format/line.ts';
import { segmentName, snapshotName } from '../../src/format/names.ts';
import { pick } from '../../src/lab/seeded.ts';
import type { Content } from './files.ts';
import { withRightCrc } from './lines.ts';
import { type Mutation, pickFile } from './mutation.ts';

const META = { format: 'jsonl-wal', version: 1, id: '0123456789abcdef', created: '2026-01-01T00:00:00.000Z' };
const METAS: readonly string[] = [
  '',
  '{',
  'null',
  '[]',
  '"jsonl-wal"',
  '\0\0\0\0',
  '\ufeff{}',
  '['.repeat(100_000),
  JSON.stringify({ ...META, version: 2 }),
  JSON.stringify({ ...META, version: '1' }),
  JSON.stringify({ ...META, version: 1e308 }),
  JSON.stringify({ ...META, id: 7 }),
  JSON.stringify({ ...META, id: '\u001b[2J' }),
  JSON.stringify({ ...META, created: 'yesterday' }),
  JSON.stringify({ ...META, git: 'yes' }),
  JSON.stringify({ ...META, git: true }),
  JSON.stringify(META),
  `{"__proto__":${JSON.stringify(META)}}`,
];
const LOCKS: readonly string[] = [
  '',
  '{',
  'null',
  '{"kind":"\\u001b"}',
  '{"kind":"kernel","pid":-1}',
  '\0'.repeat(5000),
];
const SUSPECTS: readonly string[] = [
  '',
  '{',
  'null\n',
  '{"segment":"../../x","seq":-1}\n',
  '{"seq":1e999}\n',
  '{"seq":1}\n',
];
/** What wal.mark, or a line of wal.rewound, may say, with a right checksum. */
const MARKS: readonly object[] = [
  { head: { crc: '0000000a', seq: 9_007_199_254_740_990 }, kept: true },
  { head: { crc: '0000000a', seq: 1 }, kept: 'yes', from: 1, to: 1, ts: 0 },
  { head: { crc: 7, seq: -1 }, from: 1, to: 2, ts: 0 },
  { head: { crc: '\u001b[2J', seq: 0 }, from: 9, to: 3, ts: 8.64e15 },
  { head: { crc: '0000000a', seq: 2 }, from: 1, to: 1e20, ts: 9e15 },
  { head: null },
];
const NAMES = [
  segmentName(3),
  segmentName(9_007_199_254_740_991),
  snapshotName(2),
  snapshotName(9_007_199_254_740_990),
  '99999999999999999999.jsonl',
  '1.jsonl',
  'snapshot-1.jsonl',
  'issues.jsonl',
  `snapshot-${'0'.repeat(20)}.jsonl`,
  'x.tmp',
  '\u001b[2J.jsonl',
  'wal.lock.held',
  'backups',
];
const LINKS = ['.', '..', 'nowhere', 'wal.json', segmentName(1), 'loop', '/dev/zero', '/dev/full'];

function oneOf(name: string, file: string, texts: readonly string[]): Mutation {
  return {
    name,
    apply: ({ files, dice }) => {
      const text = pick(dice, texts) as string;
      files.set(file, Buffer.from(text));
      return `${file} is ${JSON.stringify(text.slice(0, 100))}`;
    },
  };
}

function saying(name: string, file: string): Mutation {
  return {
    name,
    apply: ({ files, dice }) => {
      const log = /"id":"([0-9a-f]{16})"/.exec(files.get('wal.json')?.toString() ?? '')?.[1];
      const said = { ...pick(dice, MARKS), log };
      // In place of the crc that it is given.
      const line = withRightCrc(Buffer.from(`${' '.repeat(COVERED_OFFSET)}${JSON.stringify(said).slice(1)}`));
      files.set(file, line);
      return `${file} says ${line.toString().trimEnd()}`;
    },
  };
}

export const FILE_MUTATIONS: readonly Mutation[] = [
  oneOf('write wal.json anew', 'wal.json', METAS),
  oneOf('write wal.lock', 'wal.lock', LOCKS),
  oneOf('leave a marker of failed syncs', 'wal.failed-sync', SUSPECTS),
  saying('leave a mark', 'wal.mark'),
  saying('leave word of what is gone', 'wal.rewound'),
  {
    name: 'take a file away',
    apply: (draft) => {
      const file = pickFile(draft, /./);
      if (file !== undefined) draft.files.delete(file.name);
      return file && `${file.name} taken away`;
    },
  },
  {
    name: 'empty a file',
    apply: (draft) => {
      const file = pickFile(draft, /./);
      if (file !== undefined) draft.files.set(file.name, Buffer.alloc(0));
      return file && `${file.name} emptied`;
    },
  },
  {
    name: 'swap files',
    apply: (draft) => {
      const [one, other] = [pickFile(draft), pickFile(draft)];
      if (one === undefined || other === undefined || one.name === other.name) return undefined;
      draft.files.set(one.name, other.bytes).set(other.name, one.bytes);
      return `${one.name} and ${other.name} swapped`;
    },
  },
  {
    name: 'copy a file to another name',
    apply: (draft) => {
      const file = pickFile(draft);
      const name = pick(draft.dice, NAMES) as string;
      if (file !== undefined) draft.files.set(name, file.bytes);
      return file && `${file.name} copied to ${JSON.stringify(name)}`;
    },
  },
  {
    name: 'put something else in place of a file',
    apply: (draft) => {
      const name = pickFile(draft, /./)?.name ?? (pick(draft.dice, NAMES) as string);
      const link = pick(draft.dice, LINKS) as string;
      const roll = draft.dice();
      const content: Content =
        roll < 0.3 ? 'directory' : roll < 0.4 ? 'pipe' : { link: link === 'loop' ? name : link };
      draft.files.set(name, content);
      return `${name} is a ${typeof content === 'string' ? content : `link to ${content.link}`}`;
    },
  },
];
