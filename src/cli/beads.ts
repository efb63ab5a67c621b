import { createHash } from 'node:crypto';
import type { Entry } from '../index.ts';

/**
 * The entry for a line of a beads issues.jsonl: an `add` of the issue as it is, at the time it was created (where that
 * is missing, updated). Its key is made of id and content, so that the same line is in the log once, however often it
 * is imported, and a changed issue is added again. Throws with the reason where the line is no issue.
 */
export function beadsEntry(issue: unknown): Entry {
  if (typeof issue !== 'object' || issue === null || Array.isArray(issue))
    throw new Error('is not an object');
  const { id, created_at, updated_at } = issue as Record<string, unknown>;
  if (typeof id !== 'string' || id === '') throw new Error('has no id');
  const ts = timeOf(created_at) ?? timeOf(updated_at);
  if (ts === undefined) throw new Error('has neither created_at nor updated_at that is a time');
  const json = JSON.stringify(issue);
  const hash = createHash('sha256').update(json).digest('hex').slice(0, 32);
  const key = `beads:${id}:${hash}`;
  return { op: 'add', id, ts, data: issue, key };
}

function timeOf(value: unknown): number | undefined {
  const ts = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ts) ? undefined : ts;
}
