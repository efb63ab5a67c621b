import { crc32 } from 'node:zlib';

/** What the reference says of a line. */
export interface ReferenceLine {
  readonly verdict: 'accepted' | 'superseded' | 'stranded' | 'pending' | 'torn' | 'damaged';
  readonly offset: number;
  readonly length: number;
  /** Of a crc-valid line; of a pending one, where it counts once it has its newline. */
  readonly seq?: number;
  readonly entries?: number;
  readonly cause?: string;
}

export interface Reference {
  readonly lines: readonly ReferenceLine[];
  readonly head: { readonly seq: number; readonly crc: string | null };
  readonly link: string | null;
  readonly sealed: boolean;
  readonly missing: { readonly from: number; readonly to: number; readonly offset: number } | null;
  readonly doubt: { readonly seq: number; readonly cause: string; readonly offset: number } | null;
}

interface Valid {
  readonly crc: string;
  readonly prev: string;
  readonly seq: number;
  readonly synced: number;
  readonly entries: number;
  readonly repair: boolean;
}

const LIMIT = 2 ** 53 - 1;
const START = /\{"crc":"([0-9a-f]{8})",/g;
const STRING = String.raw`"(?:[^"\\]|\\[\s\S])*"`;
const LINE =
  /^\{"crc":"([0-9a-f]{8})",([\s\S]*),"prev":"([0-9a-f]{8})","seq":(0|[1-9]\d{0,15}),"synced":(0|[1-9]\d{0,15}),"ts":(0|-?[1-9]\d{0,15}),"writer":"[0-9a-z]{8}\.[1-9]\d{0,15}"\}$/;
const SINGLE = new RegExp(
  String.raw`^(?:"data":[\s\S]+,)?"id":${STRING}(?:,"key":${STRING})?,"op":(${STRING})$`,
);

/**
 * Reads a segment as docs/FORMAT.md says, word for word and with no regard for speed: what the package's own reader is
 * held against. It shares nothing with it.
 */
export function readAsSpecified(segment: Buffer, firstSeq = 1): Reference {
  const lines: ReferenceLine[] = [];
  const head: { seq: number; crc: string | null } = { seq: firstSeq - 1, crc: null };
  let link: string | null = null;
  let overtaken: string | undefined;
  let sealed = false;
  const cuts: Buffer[] = [];
  let missing: { from: number; to: number; offset: number } | null = null;
  let doubt: Reference['doubt'] = null;
  const prove = (synced: number, offset: number) => {
    if (synced > head.seq) missing ??= { from: head.seq + 1, to: synced, offset };
    if (missing !== null && synced > head.seq) missing.to = Math.max(missing.to, synced);
  };
  for (let offset = 0; offset < segment.length; ) {
    const newline = segment.indexOf(0x0a, offset);
    const bytes = segment.subarray(offset, newline < 0 ? segment.length : newline);
    const place = { offset, length: bytes.length };
    const line = validLine(bytes);
    if (newline < 0) {
      const follows = line !== undefined && line.seq === head.seq + 1 && !sealed;
      const first = line?.seq === firstSeq;
      const counts = follows && line.prev === (link ?? line.prev) && !(first && line.entries === 0);
      lines.push({ verdict: 'pending', ...place, ...(counts && { seq: line.seq, entries: line.entries }) });
      if (counts) doubt = null;
      if (counts && line.repair) missing = null;
      const isNext = ({ seq, prev, entries }: Valid) =>
        seq === head.seq + 1 && prev === (link ?? prev) && !sealed && !(seq === firstSeq && entries === 0);
      if (!counts && holdsLine(bytes, isNext))
        doubt ??= { seq: head.seq + 1, cause: 'missing-newlines', offset };
      break;
    }
    if (bytes.length === 0) {
      offset = newline + 1;
      continue;
    }
    if (line !== undefined) {
      const { seq, entries, prev, crc } = line;
      prove(line.synced, offset);
      if (link === null && seq === firstSeq) link = prev;
      const emptySeal = entries === 0 && seq === firstSeq;
      if (seq === head.seq + 1 && prev === link && !sealed && !emptySeal) {
        head.seq += entries;
        link = crc;
        if (entries > 0) head.crc = crc;
        sealed = entries === 0;
        overtaken = undefined;
        doubt = null;
        if (line.repair) missing = null;
        lines.push({ verdict: 'accepted', ...place, seq, entries });
      } else if (seq <= head.seq + 1 || sealed || prev === overtaken) {
        overtaken = crc;
        lines.push({ verdict: 'superseded', ...place, seq, entries });
      } else {
        overtaken = undefined;
        lines.push({ verdict: 'stranded', ...place, seq, entries });
      }
    } else {
      const isRest = bytes.length <= 2 ** 28 && cuts.slice(-8).some((cut) => isRestOf(cut, bytes));
      const glued = isRest ? undefined : gluedLine(bytes);
      const cause = isRest ? undefined : causeOf(bytes, glued?.line);
      if (cause === undefined) {
        lines.push({ verdict: 'torn', ...place });
        if (glued !== undefined) prove(glued.line.synced, offset);
        const end = bytes.at(-1) === 0x7e ? bytes.length - 1 : glued?.index;
        if (!isRest && end !== undefined && bytes[0] === 0x7b) cuts.push(bytes.subarray(0, end));
      } else {
        lines.push({ verdict: 'damaged', ...place, cause });
        doubt ??= { seq: head.seq + 1, cause, offset };
      }
    }
    offset = newline + 1;
  }
  return { lines, head, link, sealed, missing, doubt };
}

function crcOf(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

function validLine(bytes: Buffer): Valid | undefined {
  const match = LINE.exec(bytes.toString('latin1'));
  if (bytes.length > 2 ** 28 || match === null) return undefined;
  const [, crc, body, prev, seqText, syncedText, tsText] = match as unknown as string[] & { 2: string };
  const [seq, synced, ts] = [seqText, syncedText, tsText].map(Number) as [number, number, number];
  if (crcOf(bytes.subarray(18)) !== crc || Math.abs(ts) > LIMIT || synced >= seq) return undefined;
  const batch = body.startsWith('"entries":[');
  const single = batch ? null : SINGLE.exec(body);
  const entries = batch ? countOf(Buffer.from(body, 'latin1').toString('utf8')) : single && 1;
  if (entries === null || seq + entries > LIMIT) return undefined;
  return { crc, prev: prev as string, seq, synced, entries, repair: single?.[1] === '"wal.repair"' };
}

function countOf(body: string): number | null {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(`{${body}}`);
  } catch {
    return null;
  }
  const { entries, key } = value;
  if (Object.keys(value).some((name) => !['entries', 'fold', 'key', 'keys'].includes(name))) return null;
  if ('keys' in value && !isScope(value.keys, entries)) return null;
  if ('fold' in value && !isFold(value.fold, entries)) return null;
  if (!Array.isArray(entries) || ('key' in value && (typeof key !== 'string' || entries.length === 0)))
    return null;
  const right = entries.every(
    (entry: unknown) =>
      typeof entry === 'object' &&
      entry !== null &&
      typeof (entry as { op?: unknown }).op === 'string' &&
      typeof (entry as { id?: unknown }).id === 'string' &&
      (!('ts' in entry) || Number.isSafeInteger(entry.ts)),
  );
  return right ? entries.length : null;
}

/** What a seal may say of the keys that are looked for after it. */
function isScope(keys: unknown, entries: unknown): boolean {
  if (typeof keys !== 'object' || keys === null || (entries as unknown[]).length > 0) return false;
  const { from, window } = keys as Record<string, unknown>;
  const isWhole = (value: unknown, least: number, most: number) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return isWhole(from, 1, LIMIT) && isWhole(window, 0, 10_000_000);
}

/** What a seal may say of the log's fold. */
function isFold(fold: unknown, entries: unknown): boolean {
  if (typeof fold !== 'object' || fold === null || (entries as unknown[]).length > 0) return false;
  const { name, version } = fold as Record<string, unknown>;
  if (typeof name !== 'string' || name.length < 1 || name.length > 200) return false;
  return Number.isInteger(version) && (version as number) >= 1 && (version as number) <= LIMIT;
}

/** The line that a fragment was glued to: the first right crc after its first byte decides. */
function gluedLine(bytes: Buffer): { readonly line: Valid; readonly index: number } | undefined {
  if (bytes.at(-1) === 0x7e || bytes.includes(0) || /^[ \t]|[ \t]$/.test(bytes.toString('latin1')))
    return undefined;
  for (const { index } of bytes.toString('latin1').matchAll(START)) {
    const rest = bytes.subarray(index);
    if (index === 0 || crcOf(rest.subarray(18)) !== rest.toString('latin1', 8, 16)) continue;
    const line = validLine(rest);
    return line && { line, index };
  }
  return undefined;
}

/** Whether a line lies in a pending one that holds no NUL, and more after it, other than white space, `~` alone or what goes on in JSON. */
function holdsLine(bytes: Buffer, isNext: (line: Valid) => boolean): boolean {
  const text = bytes.toString('latin1');
  const isOfReturns = text.endsWith('\r') && validLine(bytes.subarray(0, text.indexOf('\r'))) !== undefined;
  if (text.includes('\0') || isOfReturns) return false;
  for (const { index } of text.matchAll(START)) {
    for (const end of text.matchAll(/"writer":"[0-9a-z]{8}\.[1-9]\d{0,15}"\}/g)) {
      const to = end.index + end[0].length;
      if (to < index || /^([ \t\r]*$|~$|[,\]}])/.test(text.slice(to))) continue;
      const line = validLine(bytes.subarray(index, to));
      if (line !== undefined && isNext(line)) return true;
    }
  }
  return false;
}

/** Whether both together are a line that was cut, whatever it holds. */
function isRestOf(cut: Buffer, rest: Buffer): boolean {
  const whole = Buffer.concat([cut, rest]);
  const crc = /^\{"crc":"([0-9a-f]{8})",/.exec(whole.toString('latin1'))?.[1];
  return rest.at(-1) === 0x7d && crc !== undefined && crcOf(whole.subarray(18)) === crc;
}

/** Why a line that is not crc-valid is damaged; undefined where it is torn. */
function causeOf(bytes: Buffer, glued: Valid | undefined): string | undefined {
  const text = bytes.toString('latin1');
  if (bytes.length > 2 ** 28) return 'too-long';
  if (text.endsWith('~')) return undefined;
  if (/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/.test(text)) return 'byte-order-mark';
  if (/^\0?\{\0"/.test(text)) return 'utf-16';
  if (text.includes('\0')) return undefined;
  if (/^[ \t]|[ \t]$/.test(text)) return 'white-space';
  if (glued !== undefined) return undefined;
  if (/^(<{7}|={7}|>{7}|\|{7})/.test(text)) return 'merge-conflict';
  if (text.endsWith('\r')) return 'carriage-return';
  const rightCrc = /^\{"crc":"[0-9a-f]{8}",/.test(text) && crcOf(bytes.subarray(18)) === text.slice(8, 16);
  return text.startsWith('{"crc":"') && !rightCrc ? 'checksum-mismatch' : 'not-a-record';
}
