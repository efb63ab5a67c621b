import { isDeepStrictEqual } from 'node:util';
import { beadsIssue } from './beads.ts';
import { type Data, type Issue, isGone, type Lookup, timeOf } from './issues.ts';

/** A line of a file of beads that is an issue. */
export type IssueLine = Data & { readonly id: string };

/** What a change here takes away from an issue. */
const TAKEN_AWAY = ['assignee', 'closed_at', 'close_reason', 'defer_until', 'dependencies'];

/** The object that a line holds; undefined where it holds none, or numbers that JavaScript would change. */
export function parseLine(line: string): Data | undefined {
  try {
    const said: unknown = JSON.parse(line);
    const isObject = typeof said === 'object' && said !== null && !Array.isArray(said);
    return isObject && !changesNumbers(line) ? (said as Data) : undefined;
  } catch {
    return undefined;
  }
}

export function isIssueLine(said: Data | undefined): said is IssueLine {
  return typeof said?.id === 'string' && said.id !== '';
}

/** What an issue's line in the file says that the state does not have, for people; undefined where it has it all. */
export function unknownIn(there: IssueLine, issues: Lookup, now: number): string | undefined {
  const { id } = there;
  const issue = issues.get(id);
  if (issue === undefined) return id;
  const at = changedAt(there) ?? issue.updatedAt;
  if (at > issue.updatedAt) return `a newer ${id}`;
  if (isGone(issue)) return undefined;
  const known = writingsOf(issue, now);
  const unknown = Object.keys(there).find((name) =>
    at === issue.updatedAt
      ? !known.some((written) => isDeepStrictEqual(written[name], there[name]))
      : !TAKEN_AWAY.includes(name) && !known.some((written) => Object.hasOwn(written, name)),
  );
  return unknown === undefined ? undefined : `another ${unknown} of ${id}`;
}

/** When a line of beads says that its issue was changed last; undefined where it does not say. */
export function changedAt({ updated_at, created_at }: Data): number | undefined {
  return timeOf(updated_at) ?? timeOf(created_at);
}

/** How the mirror may have written it: a lease that has run out was a claim before. */
export function writingsOf(issue: Issue, now: number): Data[] {
  return [beadsIssue(issue, now), beadsIssue(issue, 0)];
}

/** Whether a number in the line is a whole one that is rounded, or one that is too large. */
function changesNumbers(line: string): boolean {
  const numbers = line.replace(/"(?:[^"\\]|\\.)*"/g, '').match(/-?[0-9][0-9.eE+-]*/g) ?? [];
  return numbers.some((text) => {
    const number = Number(text);
    return !Number.isFinite(number) || (/^-?[0-9]+$/.test(text) && !Number.isSafeInteger(number));
  });
}
