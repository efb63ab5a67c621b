import type { Evidence } from '../operations/evidence.ts';
import { tagOf, writerOf } from '../operations/operation.ts';
import { type Check, telling } from './check.ts';

/** What an id has become. */
interface Value {
  by: string;
  version: number;
  /** Whether it is in the state. */
  seen: boolean;
}

/**
 * The state is what the entries make of it, those that were compacted away included. Ids that an operation wrote of which
 * nobody knows whether it happened are left out, where that cannot be read any more.
 */
export const stateOfEntries: Check = {
  name: 'the state is what the entries make of it',
  examine: telling((evidence, fault) => {
    const { state } = evidence;
    if (state === undefined) return;
    const { values, doubtful } = fold(evidence);
    if (doubtful === 'all') return;
    for (const { id, value, version } of state.items) {
      const expected = values.get(id);
      const isSecond = expected?.seen;
      if (expected !== undefined) expected.seen = true;
      if (doubtful.has(id)) continue;
      if (expected === undefined || isSecond) fault(`${id} is there, though no entry left it there`);
      else if (writerOf(value) !== expected.by)
        fault(`${id} is as ${writerOf(value) ?? 'nobody'} wrote it, not as ${expected.by} did last`);
      else if (version !== undefined && version !== expected.version)
        fault(`${id} has version ${version}, after ${expected.version} entries`);
    }
    for (const [id, { seen }] of values) if (!seen && !doubtful.has(id)) fault(`${id} is not there`);
  }),
};

function fold(evidence: Evidence): { values: Map<string, Value>; doubtful: Set<string> | 'all' } {
  const { gone, doubtful } = goneOf(evidence);
  const values = new Map<string, Value>();
  const put = (op: string, id: string, by: string) => {
    const value = values.get(id);
    if (op === 'delete') values.delete(id);
    else if (value === undefined) values.set(id, { by, version: 1, seen: false });
    else {
      value.by = by;
      value.version++;
    }
  };
  for (const { op, id, by } of gone) put(op, id, by);
  for (const { op, id, data } of evidence.found) put(op, id, writerOf(data) ?? '');
  return { values, doubtful };
}

interface Gone {
  readonly seq: number;
  readonly op: string;
  readonly id: string;
  readonly by: string;
}

/** The entries that were compacted away, in order, as their clients tell of them. */
function goneOf({ writes, oldest }: Evidence): { gone: Gone[]; doubtful: Set<string> | 'all' } {
  const gone: Gone[] = [];
  const doubtful = new Set<string>();
  for (const write of oldest > 1 ? writes : []) {
    const { operation } = write;
    if (operation.outcome === 'refused') continue;
    // What it would have written, nobody knows.
    if (operation.outcome === 'unknown' && write.size === 0) return { gone: [], doubtful: 'all' };
    for (const [i, { op, id }] of operation.entries.entries()) {
      const seq = write.placeOf(i);
      if (seq === 0) doubtful.add(id);
      else if (seq < oldest) gone.push({ seq, op, id, by: tagOf(operation, i) });
    }
  }
  return { gone: gone.sort((a, b) => a.seq - b.seq), doubtful };
}
