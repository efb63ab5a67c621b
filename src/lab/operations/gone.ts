import { type Operation, tagOf } from './operation.ts';
import type { Writes } from './writes.ts';

interface GoneEntry {
  readonly seq: number;
  readonly op: string;
  readonly id: string;
  readonly by: string;
}

/** The entries that were compacted away, as their clients tell of them. */
export interface Gone {
  /** In order, those whose numbers somebody was told. */
  readonly entries: readonly GoneEntry[];
  /** Whether an entry of the id may be among those whose numbers nobody was told. */
  isDoubtful(id: string): boolean;
  /** Whether somebody knows, of every entry that may be among them, what it is. */
  readonly isKnown: boolean;
}

/** `oldest`: the first number that was not compacted away. */
export function goneOf(writes: Writes, oldest: number): Gone {
  const entries: GoneEntry[] = [];
  const doubtful = new Set<string>();
  let isKnown = true;
  for (let write = 0; oldest > 1 && write < writes.count; write++) {
    const operation = writes.operations[write] as Operation;
    const { outcome, duplicate } = operation;
    if (outcome === 'refused' || duplicate) continue;
    // A transaction that was never answered: of what it wrote, that is known which can be read.
    if (outcome === 'unknown' && operation.entries.length === 0 && writes.foundAt(write, 0) === 0)
      isKnown = false;
    for (const [i, { op, id }] of operation.entries.entries()) {
      const seq = writes.placeOf(write, i);
      if (seq === 0) doubtful.add(id);
      else if (seq < oldest) entries.push({ seq, op, id, by: tagOf(operation, i) });
    }
  }
  entries.sort((a, b) => a.seq - b.seq);
  return { entries, isKnown, isDoubtful: (id) => !isKnown || doubtful.has(id) };
}
