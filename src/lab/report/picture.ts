import type { Operation } from '../operations/operation.ts';
import type { Mark, RunRecord, Turn } from '../operations/run-record.ts';

/** A run's record with times in microseconds from the common start, and an end to everything. */
export interface Picture {
  /** 0, or the earliest mark before it: that clients opened the store before the common start belongs to no run. */
  readonly from: number;
  /** Of the last that was noted. */
  readonly to: number;
  /** Names of all the clients of whom something is known, in order. */
  readonly clients: readonly string[];
  readonly roles: RunRecord['roles'];
  /** In the order of `start`. */
  readonly operations: readonly Operation[];
  readonly turns: readonly Turn[];
  readonly marks: readonly Mark[];
}

/** Something without an end ends with its client, or with the run. */
export function pictureOf({ start, roles, operations, turns, marks }: RunRecord): Picture {
  let from = start;
  let to = start + 1;
  const names = new Set<string>();
  const see = (client: string | undefined, begin: number, end: number) => {
    if (client !== undefined) names.add(client);
    to = Math.max(to, begin, end === Infinity ? begin : end);
  };
  for (const { client, start, end } of operations) see(client, start, end);
  for (const { client, from, to } of turns) see(client, from, to);
  for (const { client, at } of marks) {
    see(client, at, at);
    from = Math.min(from, at);
  }

  const kills = killsOf(marks);
  const endOf = (client: string, begin: number, end: number) => {
    if (end !== Infinity) return end - start;
    return (kills.get(client)?.find((at) => at >= begin) ?? to) - start;
  };
  return {
    from: from - start,
    to: to - start,
    clients: [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    roles,
    operations: operations
      .map((each) => ({
        ...each,
        start: each.start - start,
        end: endOf(each.client, each.start, each.end),
      }))
      .sort((a, b) => a.start - b.start),
    turns: turns
      .map((each) => ({
        client: each.client,
        asked: each.asked - start,
        from: each.from - start,
        to: endOf(each.client, each.from, each.to),
      }))
      .sort((a, b) => a.from - b.from),
    marks: marks.map((each) => ({ ...each, at: each.at - start })),
  };
}

function killsOf(marks: readonly Mark[]): Map<string, number[]> {
  const kills = new Map<string, number[]>();
  for (const { kind, client, at } of marks) {
    if (kind !== 'killed' || client === undefined) continue;
    const known = kills.get(client);
    if (known === undefined) kills.set(client, [at]);
    else known.push(at);
  }
  return kills;
}
