import type { LogRecord } from 'jsonl-wal';
import { claimOf, deferredUntil, type Issue, isLive, type Lookup, openBlockers } from './issues.ts';
import { isoTime } from './time.ts';

/** Control characters, and those that reorder or break what stands around them: a terminal would obey them. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Anybody's text, fit for a terminal: what could move its cursor or change its colours is shown as `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, unicodeEscape);
}

/** JSON that is the same value to a program, and that no terminal obeys either. */
export function json(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, unicodeEscape);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** An issue on one line. */
export function issueLine(issues: Lookup, issue: Issue, now: number): string {
  const { id, priority, title } = issue;
  return printable(`${id.padEnd(7)}  P${priority}  ${situation(issues, issue, now)}  ${title}`);
}

/** An issue with all that is known of it. */
export function issueCard(issues: Lookup, issue: Issue, now: number): string {
  const { id, title, description, priority, createdAt, createdBy, updatedAt, blockedBy, other } = issue;
  const fields = [
    `${id}  ${title}`,
    `status:    ${situation(issues, issue, now)}`,
    `priority:  P${priority}`,
    `created:   ${isoTime(createdAt)}${createdBy && ` by ${createdBy}`}`,
    `updated:   ${isoTime(updatedAt)}`,
    ...(blockedBy.length > 0 ? [`waits for: ${blockedBy.join(', ')}`] : []),
    ...Object.entries(other ?? {}).map(
      ([name, value]) => `${`${name}:`.padEnd(10)} ${JSON.stringify(value)}`,
    ),
    ...(description === '' ? [] : ['', ...description.split('\n')]),
  ];
  return fields.map(printable).join('\n');
}

function situation(issues: Lookup, issue: Issue, now: number): string {
  if (!isLive(issue)) return issue.status;
  const claim = claimOf(issue, now);
  const deferred = deferredUntil(issue, now);
  const blockers = openBlockers(issues, issue);
  const parts = [
    ...(issue.status === 'open' ? [] : [issue.status]),
    ...(claim === undefined ? [] : [`claimed by ${claim.by}${until(claim.until)}`]),
    ...(deferred === undefined ? [] : [`deferred${until(deferred)}`]),
    ...(blockers.length === 0 ? [] : [`blocked by ${blockers.join(', ')}`]),
  ];
  return parts.join(', ') || 'open';
}

function until(ms: number | undefined): string {
  return ms === undefined ? '' : ` until ${isoTime(ms)}`;
}

/** A record of the log on one line: what was done, when, by whom. */
export function historyLine({ seq, ts, op, data }: LogRecord): string {
  const said: Readonly<Record<string, unknown>> = typeof data === 'object' ? { ...data } : {};
  const { by = 'somebody', ...rest } = said;
  const what = Object.entries(rest).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return printable(`${seq}  ${isoTime(ts)}  ${by}  ${op}${what.join('')}`);
}
