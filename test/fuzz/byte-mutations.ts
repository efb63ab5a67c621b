import { pick } from '../../src/lab/seeded.ts';
import { below, type Draft, type Mutation, pickFile } from './mutation.ts';

const INSERTED: readonly (readonly [string, Buffer])[] = [
  ['a NUL', Buffer.from([0])],
  ['a page of NULs', Buffer.alloc(4096)],
  ['a byte-order mark', Buffer.from('\ufeff')],
  ['invalid UTF-8', Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0xed, 0xa0, 0x80])],
  ['a newline', Buffer.from('\n')],
  ['a carriage return', Buffer.from('\r')],
  ['a tilde and a newline', Buffer.from('~\n')],
  ['merge markers', Buffer.from('<<<<<<< HEAD\n||||||| base\n=======\n>>>>>>> other\n')],
  ['what steers a terminal', Buffer.from('\x1b]0;x\x07\x1b[2J\u0085\u202e\n')],
  ['deep JSON', Buffer.from(`${'['.repeat(20_000)}\n`)],
  ['the beginning of a line', Buffer.from('{"crc":"00000000","')],
  ['many beginnings of lines', Buffer.from('{"crc":"00000000",'.repeat(2000))],
];

/** Changes bytes at a place, whatever they mean. */
function atPlace(
  name: string,
  change: (bytes: Buffer, at: number, draft: Draft) => readonly [Buffer, string],
  wanted?: RegExp,
): Mutation {
  return {
    name,
    apply: (draft) => {
      const file = pickFile(draft, wanted);
      if (file === undefined) return undefined;
      const at = below(draft.dice, file.bytes.length + 1);
      const [bytes, what] = change(file.bytes, at, draft);
      draft.files.set(file.name, bytes);
      return `${what} at byte ${at} of ${file.name}`;
    },
  };
}

function flipped(bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = (copy[at] as number) ^ mask;
  return copy;
}

const spliced = (bytes: Buffer, from: number, to: number, between: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(to)]);

const lengthBelow = ({ dice }: Draft, most: number) => 1 + below(dice, dice() < 0.5 ? 8 : most);

export const BYTE_MUTATIONS: readonly Mutation[] = [
  atPlace('flip a bit', (bytes, at, { dice }) => [flipped(bytes, at, 1 << below(dice, 8)), 'a bit flipped']),
  atPlace(
    'flip a bit of wal.json',
    (bytes, at, { dice }) => [flipped(bytes, at, 1 << below(dice, 8)), 'a bit flipped'],
    /^wal\.json$/,
  ),
  atPlace('cut the end', (bytes, at) => [bytes.subarray(0, at), 'cut']),
  atPlace('cut the beginning', (bytes, at) => [bytes.subarray(at), 'begun']),
  atPlace('cut a piece out', (bytes, at, draft) => {
    const length = lengthBelow(draft, 3000);
    return [spliced(bytes, at, at + length), `${length} bytes taken out`];
  }),
  atPlace('put NULs over a piece', (bytes, at, draft) => {
    const length = Math.min(lengthBelow(draft, 5000), bytes.length - at);
    return [spliced(bytes, at, at + length, Buffer.alloc(length)), `${length} NULs`];
  }),
  atPlace('insert', (bytes, at, { dice }) => {
    const [what, inserted] = pick(dice, INSERTED) as (typeof INSERTED)[number];
    return [spliced(bytes, at, at, inserted), `${what} put in`];
  }),
  atPlace('insert noise', (bytes, at, draft) => {
    const noise = Buffer.from(Array.from({ length: lengthBelow(draft, 300) }, () => below(draft.dice, 256)));
    return [spliced(bytes, at, at, noise), `${noise.length} bytes of noise put in`];
  }),
  atPlace('repeat a piece', (bytes, at, draft) => {
    const length = lengthBelow(draft, 3000);
    return [spliced(bytes, at, at, bytes.subarray(at, at + length)), `${length} bytes said twice`];
  }),
  atPlace('a very long line', (bytes, at, { dice }) => {
    const length = 2 ** (16 + below(dice, 6));
    return [spliced(bytes, at, at, Buffer.alloc(length, 'x')), `${length} bytes without a newline`];
  }),
];
