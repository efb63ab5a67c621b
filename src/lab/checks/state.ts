import type { Evidence } from '../operations/evidence.ts';
import { type Operation, tagOf, writerOf } from '../operations/operation.ts';
import { type Check, telling } from './check.ts';

/** What the ids have become, by their numbers. */
interface State {
  readonly bys: (string | undefined)[];
  /** 0 where it is not there. */
  readonly versions: Uint32Array;
  readonly doubtful: ReadonlySet<string>;
}

/**
 * The state is what the entries make of it, those that were compacted away included. Ids that an operation wrote of which
 * nobody knows whether it happened are left out, where that cannot be read any more.
 */
export const stateOfEntries: Check = {
  name: 'the state is what the entries make of it',
  examine: telling((evidence, fault) => {
    const folded = evidence.state && fold(evidence);
    if (evidence.state === undefined || folded === undefined) return;
    const { ids } = evidence;
    const { bys, versions, doubtful } = folded;
    const seen = new Uint8Array(ids.count);
    for (const { id, value, version } of evidence.state.items) {
      const at = ids.find(id);
      const isSecond = at !== undefined && seen[at] === 1;
      if (at !== undefined) seen[at] = 1;
      if (doubtful.has(id)) continue;
      if (at === undefined || versions[at] === 0 || isSecond)
        fault(`${id} is there, though no entry left it there`);
      else if (writerOf(value) !== bys[at])
        fault(`${id} is as ${writerOf(value) ?? 'nobody'} wrote it, not as ${bys[at] ?? 'nobody'} did last`);
      else if (version !== undefined && version !== versions[at])
        fault(`${id} has version ${version}, after ${versions[at]} entries`);
    }
    for (let at = 0; at < ids.count; at++) {
      const isMissing = versions[at] !== 0 && seen[at] === 0;
      if (isMissing && !doubtful.has(ids.textOf(at))) fault(`${ids.textOf(at)} is not there`);
    }
  }),
};

/** Undefined where nobody knows what was compacted away. */
function fold(evidence: Evidence): State | undefined {
  const { ids, entries } = evidence;
  const past = goneOf(evidence);
  if (past === undefined) return undefined;
  const bys: (string | undefined)[] = new Array(ids.count);
  const versions = new Uint32Array(ids.count);
  const put = (isDelete: boolean, at: number, by: string | undefined) => {
    bys[at] = by;
    versions[at] = isDelete ? 0 : (versions[at] as number) + 1;
  };
  for (const { op, id, by } of past.gone) put(op === 'delete', ids.numberOf(id), by);
  for (let i = 0; i < entries.count; i++)
    put(entries.deletes[i] as boolean, entries.ids[i] as number, entries.bys[i]);
  return { bys, versions, doubtful: past.doubtful };
}

interface Gone {
  readonly seq: number;
  readonly op: string;
  readonly id: string;
  readonly by: string;
}

/** The entries that were compacted away, in order, as their clients tell of them. Undefined where nobody knows what one wrote. */
function goneOf({ writes, oldest }: Evidence): { gone: Gone[]; doubtful: Set<string> } | undefined {
  const gone: Gone[] = [];
  const doubtful = new Set<string>();
  for (let write = 0; oldest > 1 && write < writes.count; write++) {
    const { outcome, entries } = writes.operations[write] as Operation;
    if (outcome === 'refused') continue;
    if (outcome === 'unknown' && writes.sizeOf(write) === 0) return undefined;
    for (const [i, { op, id }] of entries.entries()) {
      const seq = writes.placeOf(write, i);
      if (seq === 0) doubtful.add(id);
      else if (seq < oldest) gone.push({ seq, op, id, by: tagOf(writes.operations[write] as Operation, i) });
    }
  }
  return { gone: gone.sort((a, b) => a.seq - b.seq), doubtful };
}
