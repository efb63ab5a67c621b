import { type Envelope, isSameWrite } from './line.ts';

/** A crc-valid line of a log, in any segment. */
export interface FoundLine extends Pick<Envelope, 'seq' | 'count' | 'crc' | 'prev' | 'writer' | 'synced'> {
  /** Whether the chain of its segment accepts it. */
  readonly accepted: boolean;
  readonly segment: string;
  /** The side of a merge conflict that it is on; 0 for none. */
  readonly side: number;
}

/** What is known of each line, by its index in `lines`. */
export interface Lineage {
  /** Whether it holds entries of its own. */
  readonly kept: readonly boolean[];
  /** The index of the line that it follows; undefined if that line is missing. */
  readonly follows: readonly (number | undefined)[];
}

/**
 * Decides which lines of a damaged log hold entries of their own. `lines` must be in the order of the files. These are
 * the lines that count, and those that would count if the lines they follow were still there.
 *
 * An overtaken line is not one of them, because its writer wrote it again: among lines that follow the same line, the
 * first counts, and the others were overtaken, with the rest of the same write. But if later writes were built on such
 * a line, it begins another branch, whose lines hold entries of their own. The sides of a merge conflict are branches
 * too.
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
    // If later lines begin after its last number but do not follow it, they follow another line with that number, now
    // missing.
    const overtaken = (roots.get(`${side} ${seq + count}`) ?? 0) > i;
    const counts = grown[i] === true || (first.has(i) && !overtaken);
    holds[i] = accepted || (counts && (parent === undefined || holds[parent] === true));
  }
  return { kept: onceEach(lines, holds, grown), follows: parents };
}

const endOf = ({ seq, count, crc }: FoundLine) => `${seq + count} ${crc}`;
const startOf = ({ seq, prev }: FoundLine) => `${seq} ${prev}`;

interface Links {
  /** Indexes of lines, each after that of the line it follows. */
  readonly order: readonly number[];
  /** The index of the line that each line follows; undefined if that line is missing. */
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

/** Among lines on the same side that follow the same line: the accepted one, else the first. */
function firstFollowers(lines: readonly FoundLine[]): Set<number> {
  const first = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    const place = `${line.side} ${startOf(line)}`;
    const other = first.get(place);
    if (other === undefined || (line.accepted && !lineAt(lines, other).accepted)) first.set(place, i);
  }
  return new Set(first.values());
}

/**
 * By side and number, the last line whose predecessor is missing. A segment's first line is left out: it follows a
 * seal.
 */
function lastRoots(lines: readonly FoundLine[], parents: Links['parents']): Map<string, number> {
  const roots = new Map<string, number>();
  for (const [i, { side, seq, segment }] of lines.entries())
    if (parents[i] === undefined && lines[i - 1]?.segment === segment) roots.set(`${side} ${seq}`, i);
  return roots;
}

/** Which lines another write was built on, directly or through other lines. No writer builds on an overtaken line. */
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
 * Chooses one line for each append: an append that is written again keeps its `writer`, so an overtaken line is in the
 * log again later, and only one of them may hold the entries. Seals hold none.
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
   * Whether `later` replaces `earlier` as the line of the same append. If later writes were built on only one of the
   * two, that one counts. Otherwise the accepted one counts, unless the writer wrote the append again under a higher
   * number and nothing was built on either line: then another line had overtaken the earlier one, which is accepted
   * only because that other line is damaged. (A line that a seal overtakes is written again under the same number.)
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
