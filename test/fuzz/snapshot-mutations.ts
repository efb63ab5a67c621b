import { crcOf } from '../../src/format/crc.ts';
import { decodeHeader, encodeHeader, type SnapshotHeader } from '../../src/format/snapshot.ts';
import {
  indexPlace,
  isBlock,
  isIndex,
  parseLines,
  type SnapshotBlock,
} from '../../src/format/snapshot-index.ts';
import { pick } from '../../src/lab/seeded.ts';
import { withRightCrc } from './lines.ts';
import { below, type Draft, type Mutation, pickFile } from './mutation.ts';

/** Fields of a snapshot's first line in a new wording. */
const FIRST_LINES: readonly ((line: string) => string)[] = [
  (line) => line.replace(/"bytes":\d+/, '"bytes":9007199254740991'),
  (line) => line.replace(/"bytes":\d+/, '"bytes":4000000000'),
  (line) => line.replace(/"bytes":\d+/, '"bytes":-1'),
  (line) => line.replace(/"ids":\d+/g, '"ids":1e15'),
  (line) => line.replace(/"keys":\d+/g, '"keys":99999999'),
  (line) => line.replace(/"order":\d+/, '"order":1'),
  (line) => line.replace(/"seq":\d+/, '"seq":1'),
  (line) => line.replace(/"name":"[^"]*"/, '"name":"__proto__"'),
  (line) => line.replace(/"version":\d+/, '"version":9'),
  (line) => line.replace(/"body":\{/, '"body":{"ordered":5,'),
  (line) => line.replace(/"created":\d+/, '"created":null'),
  (line) => line.replace(/"window":\d+/, '"window":1e300'),
  (line) => line.replace(/"window":\d+/, '"window":8'),
  (line) => line.replace(/"from":\d+/, '"from":0'),
];

/** Lines of a block in a new wording. */
const BLOCKS: readonly ((lines: string) => string)[] = [
  (lines) => lines.replace(/"value":\{/, '"value":{,'),
  (lines) => lines.replace(/"id":"[^"]*"/, '"id":7'),
  (lines) => lines.replace(/"id":"[^"]*"/, '"id":"zzz"'),
  (lines) => lines.replace(/"id":"[^"]*"/g, '"id":"same"'),
  (lines) => lines.replace(/"rev":\d+/, '"rev":-1'),
  (lines) => lines.replace(/"rev":\d+/, '"rev":"x"'),
  (lines) => lines.replace(/"value":/, '"worth":'),
  (lines) => lines.replaceAll('\n', ' '),
  (lines) => lines.replace(/\n/, '\n\n'),
  (lines) => lines.replace(/"keys":\["[^"]*"/, '"keys":[null'),
  (lines) => lines.replace(/"keys":\["[^"]*"/, '"keys":[-1,"k"'),
  (lines) => lines.replace(/"seqs":\[\d+/, '"seqs":[1e300'),
  (lines) => lines.replace(/"seqs":\[\d+/, '"seqs":[[1,0]'),
  (lines) => lines.replace(/"sums":"[^"]*"/, '"sums":"AAAA"'),
  (lines) => lines.replace(/"ts":\[\d+/, '"ts":[{}'),
  (lines) => `${'['.repeat(20_000)}\n${lines}`,
  () => 'null\n',
  () => '',
];

/** Lines of the index in a new wording. */
const INDEXES: readonly ((line: string) => string)[] = [
  (line) => line.replace(/"at":\d+/, '"at":-5'),
  (line) => line.replace(/"at":\d+/, '"at":4000000000'),
  (line) => line.replace(/"bytes":\d+/, '"bytes":4000000000'),
  (line) => line.replace(/"bytes":\d+/, '"bytes":-1'),
  (line) => line.replace(/"bytes":\d+/, '"bytes":"x"'),
  (line) => line.replace(/"id":"[^"]*"/, '"id":null'),
  (line) => line.replace(/^\{/, '{{'),
  () => 'null\n',
  () => '\n',
];

function forgeFirstLine(draft: Draft): string | undefined {
  const file = pickFile(draft, /^snapshot-/);
  const end = file?.bytes.indexOf(0x0a) ?? -1;
  if (file === undefined || end < 0) return undefined;
  const number = below(draft.dice, FIRST_LINES.length);
  const line = (FIRST_LINES[number] as (line: string) => string)(file.bytes.toString('utf8', 0, end + 1));
  draft.files.set(file.name, Buffer.concat([withRightCrc(Buffer.from(line)), file.bytes.subarray(end + 1)]));
  return `the first line of ${file.name} forged, wording ${number}`;
}

/** Changes a block, or the line of the index for it, and makes all crcs right again. */
function forgeBody(draft: Draft): string | undefined {
  const file = pickFile(draft, /^snapshot-/);
  const end = file?.bytes.indexOf(0x0a) ?? -1;
  const header = end < 0 ? undefined : headerOf((file as { bytes: Buffer }).bytes.subarray(0, end));
  if (file === undefined || header === undefined) return undefined;
  const place = indexPlace(header.body);
  const body = file.bytes.subarray(end + 1);
  const index = body.subarray(place.at, place.at + place.bytes);
  if (!isIndex(header.body, index)) return undefined;
  const lines = parseLines<SnapshotBlock>(index, isBlock) ?? [];
  if (lines.length === 0) return undefined;
  const number = below(draft.dice, lines.length);
  const inIndex = draft.dice() < 0.4;
  const wordings = inIndex ? INDEXES : BLOCKS;
  const reword = pick(draft.dice, wordings) as (text: string) => string;
  const blocks = lines.map(({ at, bytes }) => body.subarray(at, at + bytes));
  if (!inIndex) blocks[number] = Buffer.from(reword((blocks[number] as Buffer).toString()));
  let at = 0;
  const told = lines.map((line, i) => {
    const { length: bytes } = blocks[i] as Buffer;
    const text = `${JSON.stringify({ ...line, at, bytes, crc: crcOf(blocks[i] as Buffer) })}\n`;
    at += bytes;
    return inIndex && i === number ? reword(text) : text;
  });
  const sections = { ids: 0, order: 0, keys: 0 };
  let read = 0;
  const ends = { ids: header.body.index.ids, order: header.body.index.ids + header.body.index.order };
  for (const [i, line] of lines.entries()) {
    const section = read < ends.ids ? 'ids' : read < ends.order ? 'order' : 'keys';
    read += Buffer.byteLength(JSON.stringify(line)) + 1;
    sections[section] += Buffer.byteLength(told[i] as string);
  }
  const newIndex = Buffer.from(told.join(''));
  const all = Buffer.concat([...blocks, newIndex]);
  const newBody = {
    ...header.body,
    bytes: all.length,
    index: { crc: crcOf(newIndex), ...sections },
  };
  draft.files.set(file.name, Buffer.concat([Buffer.from(encodeHeader({ ...header, body: newBody })), all]));
  return `${inIndex ? 'index' : 'block'} ${number} of ${file.name} forged, wording ${wordings.indexOf(reword)}`;
}

/** Undefined where another mutation made another format of it. */
function headerOf(line: Buffer): SnapshotHeader | undefined {
  try {
    return decodeHeader(line, '');
  } catch {
    return undefined;
  }
}

export const SNAPSHOT_MUTATIONS: readonly Mutation[] = [
  { name: 'forge the first line of a snapshot', apply: forgeFirstLine },
  { name: 'forge the body of a snapshot', apply: forgeBody },
];
