import { cutLines } from '../../src/format/cut-lines.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import { envelopeOf, withRightCrc } from './lines.ts';
import { below, type Draft, type Mutation, pickFile } from './mutation.ts';

const NUMBERS = [
  '0',
  '1',
  '-1',
  '9007199254740991',
  '9007199254740992',
  '99999999999999999999',
  '1e9',
  '01',
  '1.5',
  '',
];
const VALUES = [
  'null',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
  `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
  `${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`,
  '1e999',
  '"\\ud800"',
  '"\\u001b[31m\\u0007"',
  '{"a":1,"a":2}',
  '{,}',
  `"${'y'.repeat(100_000)}"`,
];
const ENTRIES = [
  '[]',
  '[{}]',
  '[null]',
  '[1]',
  '["a"]',
  '{}',
  '[{"id":"a","op":"b"},{"id":"__proto__","op":"b","data":{"__proto__":1}}]',
  '[{"id":"a","op":"b","ts":1.5}]',
  '[],"keys":{"from":1,"window":5}',
  '[],"keys":{"from":0,"window":1e9}',
  '[],"keys":null',
  '[{"id":"a","op":"b"}],"keys":{"from":1,"window":5}',
  `[${'{"id":"a","op":"b"},'.repeat(500)}{"id":"a","op":"b"}]`,
  `[${'['.repeat(20_000)}`,
];

/** A field of a line in a new wording; the crc is then made right again. */
const FIELDS: readonly (readonly [string, (line: string, dice: Dice) => string])[] = [
  ['seq', (line, dice) => line.replace(/"seq":\d+/, () => `"seq":${pick(dice, NUMBERS)}`)],
  [
    'seq',
    (line, dice) =>
      line.replace(/"seq":(\d+)/, (_, seq) => `"seq":${Math.max(0, Number(seq) + below(dice, 9) - 4)}`),
  ],
  ['synced', (line, dice) => line.replace(/"synced":\d+/, () => `"synced":${pick(dice, NUMBERS)}`)],
  [
    'synced',
    (line) =>
      line.replace(/"seq":(\d+),"synced":\d+/, (_, seq) => `"seq":${seq},"synced":${Number(seq) - 1}`),
  ],
  [
    'ts',
    (line, dice) =>
      line.replace(
        /"ts":-?\d+,"w/,
        () => `"ts":${pick(dice, [...NUMBERS, '-9007199254740991', '8640000000000001'])},"w`,
      ),
  ],
  [
    'prev',
    (line, dice) =>
      line.replace(/"prev":"\w+"/, () => `"prev":"${pick(dice, ['00000000', 'ffffffff', 'FFFFFFFF', ''])}"`),
  ],
  [
    'writer',
    (line, dice) =>
      line.replace(
        /"writer":"[^"]*"/,
        () => `"writer":"${pick(dice, ['a.1', 'aaaaaaaa.1', 'aaaaaaaa.0', '\\u001b'])}"`,
      ),
  ],
  ['data', (line, dice) => line.replace(/"data":.*,"id"/s, () => `"data":${pick(dice, VALUES)},"id"`)],
  [
    'entries',
    (line, dice) =>
      line.replace(/"(data|entries)":.*,"prev"/s, () => `"entries":${pick(dice, ENTRIES)},"prev"`),
  ],
  [
    'id',
    (line, dice) =>
      line.replace(
        /"id":"[^"]*",/,
        () =>
          `"id":${pick(dice, ['""', '"__proto__"', '"\\ud800"', '"\\u001b[2J"', '1', '"a\\"', `"${'z'.repeat(70_000)}"`])},`,
      ),
  ],
  [
    'op',
    (line, dice) =>
      line.replace(
        /"op":"[^"]*"/,
        () =>
          `"op":${pick(dice, ['""', '"wal.repair"', '"wal.keys"', '"wal.other"', '"delete"', '"\\u202e"', 'null'])}`,
      ),
  ],
  [
    'key',
    (line, dice) =>
      line.replace(
        /("key":"[^"]*",)?"op"/,
        () => `"key":${pick(dice, ['""', '"key 1"', '"\\x"', '"__proto__"', '7'])},"op"`,
      ),
  ],
];

/** Changes lines as lines. */
function onLines(
  name: string,
  change: (lines: Buffer[], at: number, draft: Draft) => string | undefined,
): Mutation {
  return {
    name,
    apply: (draft) => {
      const file = pickFile(draft);
      if (file === undefined || file.bytes.length === 0) return undefined;
      const lines = cutLines(file.bytes);
      const at = below(draft.dice, lines.length);
      const what = change(lines, at, draft);
      if (what === undefined) return undefined;
      draft.files.set(file.name, Buffer.concat(lines));
      return `${what}, line ${at + 1} of ${file.name}`;
    },
  };
}

export const LINE_MUTATIONS: readonly Mutation[] = [
  onLines(
    'take lines out',
    (lines, at, { dice }) => `${lines.splice(at, 1 + below(dice, 3)).length} taken out`,
  ),
  onLines('say a line twice', (lines, at) => {
    lines.splice(at, 0, lines[at] as Buffer);
    return 'said twice';
  }),
  onLines('swap lines', (lines, at, { dice }) => {
    const other = below(dice, lines.length);
    [lines[at], lines[other]] = [lines[other] as Buffer, lines[at] as Buffer];
    return `changed places with line ${other + 1}`;
  }),
  onLines('end lines as Windows does', (lines) => {
    for (const [i, line] of lines.entries())
      lines[i] = Buffer.from(line.toString('latin1').replace(/\n$/, '\r\n'), 'latin1');
    return 'every line ends in a carriage return';
  }),
  onLines('glue lines', (lines, at) => {
    lines[at] = (lines[at] as Buffer).subarray(0, -1);
    return 'its newline taken away';
  }),
  onLines('move lines to another file', (lines, at, draft) => {
    const other = pickFile(draft);
    if (other === undefined) return undefined;
    const theirs = cutLines(other.bytes);
    const moved = theirs.slice(below(draft.dice, theirs.length)).slice(0, 1 + below(draft.dice, 20));
    lines.splice(at, 0, ...moved);
    return `${moved.length} lines of ${other.name} put before it`;
  }),
  onLines('make a crc right', (lines, at, draft) => {
    const line = lines[at] as Buffer;
    if (!line.toString('latin1').startsWith('{"crc":"')) return undefined;
    const [field, reword] = pick(draft.dice, FIELDS) as (typeof FIELDS)[number];
    const forged = withRightCrc(Buffer.from(reword(line.toString(), draft.dice)));
    lines[at] = forged;
    draft.forged(forged);
    return `another ${field}, the crc made right`;
  }),
  onLines('forge the rest of the log', (lines, at, draft) => {
    // Each line is made to follow the one before again, so that all of them count.
    const [field, reword] = pick(draft.dice, FIELDS) as (typeof FIELDS)[number];
    let before: string | undefined;
    for (let i = at; i < lines.length; i++) {
      const line = lines[i] as Buffer;
      if (envelopeOf(line) === undefined) continue;
      const text =
        before === undefined
          ? reword(line.toString(), draft.dice)
          : line.toString().replace(/"prev":"\w+"/, `"prev":"${before}"`);
      const forged = withRightCrc(Buffer.from(text));
      before = forged.toString('latin1', 8, 16);
      lines[i] = forged;
      draft.forged(forged);
    }
    return `another ${field}, and all after it made to follow`;
  }),
];
