import { type Envelope, isSameWrite } from './line.ts';

/** A crc-valid line of a log, wherever it lies. */
export interface FoundLine extends Pick<Envelope, 'seq' | 'count' | 'crc' | 'prev' | 'writer' | 'synced'> {
  /** Whether the chain of its segment accepts it. */
  readonly accepted: boolean;
  readonly segment: string;
  /** Which side of a merge conflict it lies on; 0 for none. */
  readonly side: number;
}

/** What is known of each line, by its place. */
export interface Lineage {
  /** Whether it holds entries of its own. */
  readonly kept: readonly boolean[];
  /** The place of the line that it follows, where that is there. */
  readonly follows: readonly (number | undefined)[];
}

/**
 * Which lines of a damaged log hold entries of their own, by their place in `lines` (in the order of the files): those that
 * count, and those that would if what they follow were still there. What a writer that came second wrote again is none of
 * them: of the lines that follow one and the same, the first counts. The others are what was overtaken, with the rest of the
 * same write; but where later writes were built on them, they are another branch, and so are the sides of a merge conflict.
 */
export function lineageOf(lines: readonly FoundLine[]): Lineage {
  const { order, parents } = linked(lines);
  const first = firstFollowers(lines);
  const grown = builtOn(lines, order, parents);
  const roots = lastRoots(lines, parents);
  const holds: boolean[] = [];
  for (const i of order) {
    const { accepted, side, seq, count } = lineAt(lines, i);
    const parent = parents[i];
    // Later lines that go on from its number follow another line of that number, which is not there any more.
    const overtaken = (roots.get(`${side} ${seq + count}`) ?? 0) > i;
    const counts = grown[i] === true || (first.has(i) && !overtaken);
    holds[i] = accepted || (counts && (parent === undefined || holds[parent] === true));
  }
  return { kept: onceEach(lines, holds, grown), follows: parents };
}

const endOf = ({ seq, count, crc }: FoundLine) => `${seq + count} ${crc}`;
const startOf = ({ seq, prev }: FoundLine) => `${seq} ${prev}`;

interface Links {
  /** Places of lines, each after the one it follows. */
  readonly order: readonly number[];
  /** The place of the line that each follows, where that is there. */
  readonly parents: readonly (number | undefined)[];
}

function linked(lines: readonly FoundLine[]): Links {
  const order = lines.map((_, i) => i);
  // A seal has the seq of the line that follows it.
  const rank = (i: number) => 2 * lineAt(lines, i).seq + Math.min(1, lineAt(lines, i).count);
  order.sort((a, b) => rank(a) - rank(b) || a - b);
  const ends = new Map<string, number>();
  const parents: (number | undefined)[] = [];
  for (const i of order) {
    const line = lineAt(lines, i);
    parents[i] = ends.get(startOf(line));
    const end = endOf(line);
    const other = ends.get(end);
    if (other === undefined || (line.accepted && !lineAt(lines, other).accepted)) ends.set(end, i);
  }
  return { order, parents };
}

/** Of the lines that follow the same one, on the same side: the one that counts, else the first. */
function firstFollowers(lines: readonly FoundLine[]): Set<number> {
  const first = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    const place = `${line.side} ${startOf(line)}`;
    const other = first.get(place);
    if (other === undefined || (line.accepted && !lineAt(lines, other).accepted)) first.set(place, i);
  }
  return new Set(first.values());
}

/** The last place of a line that follows none that is there, by side and number. What begins a segment follows a seal. */
function lastRoots(lines: readonly FoundLine[], parents: Links['parents']): Map<string, number> {
  const roots = new Map<string, number>();
  for (const [i, { side, seq, segment }] of lines.entries())
    if (parents[i] === undefined && lines[i - 1]?.segment === segment) roots.set(`${side} ${seq}`, i);
  return roots;
}

/** Which lines another write was built on, directly or by way of others: nobody does so with what was overtaken. */
function builtOn(
  lines: readonly FoundLine[],
  order: readonly number[],
  parents: Links['parents'],
): boolean[] {
  const grown: boolean[] = [];
  for (const i of order.toReversed()) {
    const parent = parents[i];
    if (parent !== undefined)
      grown[parent] ||= grown[i] === true || !isSameWrite(lineAt(lines, parent), lineAt(lines, i));
  }
  return grown;
}

/**
 * An append has one writer, however often it was written: a line that was overtaken is there again later. Of those that hold
 * entries, one counts. Seals hold nothing.
 */
function onceEach(
  lines: readonly FoundLine[],
  holds: readonly boolean[],
  grown: readonly boolean[],
): boolean[] {
  const chosen = new Map<string, number>();
  for (const [i, { writer, count }] of lines.entries()) {
    if (count === 0 || !holds[i]) continue;
    const other = chosen.get(writer);
    if (other === undefined || takesPlaceOf(other, i)) chosen.set(writer, i);
  }
  return lines.map(({ writer }, i) => chosen.get(writer) === i);

  /**
   * The copy that others built on counts. Else the one that counts, unless its writer wrote it again later under a higher number:
   * then another line had overtaken it, and counts only because that line is damaged. After a seal the number is the same.
   */
  function takesPlaceOf(earlier: number, later: number): boolean {
    const [before, after] = [lineAt(lines, earlier), lineAt(lines, later)];
    const isBuiltOn = grown[later] === true;
    if (isBuiltOn !== (grown[earlier] === true)) return isBuiltOn;
    const isAgain = after.side === before.side && after.seq > before.seq;
    return after.accepted || (isAgain && !(before.accepted && isBuiltOn));
  }
}

function lineAt(lines: readonly FoundLine[], i: number): FoundLine {
  return lines[i] as FoundLine;
}
