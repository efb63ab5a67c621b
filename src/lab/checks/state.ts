import { writerOf } from '../operations/operation.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import { type Check, telling } from './check.ts';

/** What the ids have become, by their numbers. */
interface State {
  readonly bys: (string | undefined)[];
  /** 0 where it is not there. */
  readonly versions: Uint32Array;
  /** The number of the entry that touched it last. */
  readonly revs: Uint32Array;
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
    const { ids, gone, can } = evidence;
    const { bys, versions, revs } = folded;
    const doubtful = evidence.oldest > 1 ? gone : { isDoubtful: () => false };
    const hasRevs = can.includes('rev');
    const seen = new Uint8Array(ids.count);
    for (const { id, value, version, rev } of evidence.state.items) {
      const at = ids.find(id);
      const isSecond = at !== undefined && seen[at] === 1;
      if (at !== undefined) seen[at] = 1;
      if (doubtful.isDoubtful(id)) continue;
      if (at === undefined || versions[at] === 0 || isSecond)
        fault(`${id} is there, though no entry left it there`);
      else if (writerOf(value) !== bys[at])
        fault(`${id} is as ${writerOf(value) ?? 'nobody'} wrote it, not as ${bys[at] ?? 'nobody'} did last`);
      else if (version !== undefined && version !== versions[at])
        fault(`${id} has version ${version}, after ${versions[at]} entries`);
      else if (hasRevs && rev !== revs[at])
        fault(`${id} has rev ${rev}, and entry ${revs[at]} touched it last`);
    }
    for (let at = 0; at < ids.count; at++) {
      const isMissing = versions[at] !== 0 && seen[at] === 0;
      if (isMissing && !doubtful.isDoubtful(ids.textOf(at))) fault(`${ids.textOf(at)} is not there`);
    }
  }),
};

/** Undefined where nobody knows what was compacted away. */
function fold(evidence: RunEvidence): State | undefined {
  const { ids, entries, oldest, gone } = evidence;
  if (oldest > 1 && !gone.isKnown) return undefined;
  const bys: (string | undefined)[] = new Array(ids.count);
  const versions = new Uint32Array(ids.count);
  const revs = new Uint32Array(ids.count);
  const put = (isDelete: boolean, at: number, by: string | undefined, seq: number) => {
    bys[at] = by;
    versions[at] = isDelete ? 0 : (versions[at] as number) + 1;
    revs[at] = seq;
  };
  for (const { op, id, by, seq } of gone.entries) put(op === 'delete', ids.numberOf(id), by, seq);
  for (let i = 0; i < entries.count; i++)
    put(entries.deletes[i] as boolean, entries.ids[i] as number, entries.bys[i], entries.seqs[i] as number);
  return { bys, versions, revs };
}
