import { noLostUpdate } from '../../src/lab/checks/no-lost-update.ts';
import type { RunEvidence } from '../../src/lab/index.ts';
import { isWriting } from '../../src/lab/operations/operation.ts';

/** What a fault did to a store, in numbers. */
export interface Damage {
  /** Writes that the store said were done. */
  readonly acknowledged: number;
  /** Writes that it said were not done, or might not be. What was killed said nothing. */
  readonly failed: number;
  /** Entries that were acknowledged and are not there, and updates that another undid without having seen them. */
  readonly lost: number;
  /** Entries that are there more than once, and numbers that two entries have. */
  readonly doubled: number;
  /** What the store's own look at itself finds, or what cannot be read: lines, pages, files. */
  readonly corrupt: number;
  /** Clients that did not come to their end, and were ended. */
  readonly hung: number;
  /** The longest that an acknowledged write took, in milliseconds: but for writes in which the client itself was stopped. */
  readonly slowestMs: number;
  /** The first of what is corrupt, in words. */
  readonly found: readonly string[];
  /** What else became of clients, in words. */
  readonly notes: readonly string[];
}

export function damageOf(evidence: RunEvidence): Damage {
  const { writes, oddities, members } = evidence;
  const count = { acknowledged: 0, failed: 0, lost: 0, doubled: 0 };
  for (const [write, { outcome, reason, entries }] of writes.operations.entries()) {
    if (reason !== undefined) count.failed++;
    count.doubled += writes.moreOf(write).length;
    if (outcome !== 'acknowledged') continue;
    count.acknowledged++;
    count.lost += entries.filter((_, i) => writes.foundAt(write, i) === 0).length;
  }
  const problems = members.flatMap((member) => member.problems);
  return {
    acknowledged: count.acknowledged,
    failed: count.failed,
    lost: count.lost + [...noLostUpdate.examine(evidence)].length,
    doubled: count.doubled + numbersTwice(evidence),
    corrupt: oddities.length,
    hung: problems.filter((problem) => HUNG.test(problem)).length,
    slowestMs: slowestOf(evidence),
    found: oddities.slice(0, MOST_FOUND).map(({ kind, message }) => `${kind}: ${message}`),
    notes: counted(problems.filter((problem) => !HUNG.test(problem)).map(inShort)),
  };
}

const MOST_FOUND = 5;

/** How the harness tells that it ended a client. */
const HUNG = /^was still running|^was done, but something kept it from ending/;

function numbersTwice({ found }: RunEvidence): number {
  return found.length - new Set(found.map(({ seq }) => seq)).size;
}

/** What was thrown, where it tells, and otherwise its first line. */
function inShort(problem: string): string {
  const lines = problem.split('\n').map((line) => line.trim());
  const thrown = lines.map((line) => THROWN.exec(line)?.[1]).find((message) => message !== undefined);
  const first = lines[0] as string;
  if (thrown === undefined) return first;
  const what = thrown.replace(PATH, '');
  return first.startsWith('failed: ') ? what : `${first.split(': ')[0]}: ${what}`;
}

/** A line of a stack that names an error, in brackets or not. */
const THROWN = /^(?:failed: )?\[?\w*Error: ([^\]{]*)/;
/** Where the system's own errors happened. */
const PATH = /, \w+ '.*$/;

function counted(problems: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const problem of problems) counts.set(problem, (counts.get(problem) ?? 0) + 1);
  return [...counts].map(([problem, count]) => `${count} ${count === 1 ? 'client' : 'clients'}: ${problem}`);
}

function slowestOf({ operations, marks }: RunEvidence): number {
  const stops = marks.filter(({ kind }) => kind === 'stopped');
  return operations
    .filter((each) => isWriting(each) && each.outcome === 'acknowledged')
    .filter(
      ({ client, start, end }) =>
        !stops.some((stop) => stop.client === client && stop.at >= start && stop.at <= end),
    )
    .reduce((slowest, { start, end }) => Math.max(slowest, (end - start) / 1000), 0);
}
