import type { Effect } from '../disk/effect.ts';
import type { Expected } from '../support/oracle.ts';

/** What a workload notes between the effects on the disk. */
export type Note =
  /** It is about to append entries of these ids. */
  | { readonly kind: 'tried'; readonly ids: readonly string[] }
  /** An append was acknowledged: its first entry is that one. */
  | { readonly kind: 'acknowledged'; readonly ids: readonly string[]; readonly seq: number }
  /** An append was told as not written. */
  | { readonly kind: 'refused'; readonly ids: readonly string[] }
  /** Entries of these ids are damaged, or something else is; the log is whole again after that repair. */
  | { readonly kind: 'damaged'; readonly ids: readonly string[]; readonly repair: RepairMode }
  /** A copy is there, of all entries up to that one. */
  | { readonly kind: 'copied'; readonly seq: number };

export type RepairMode = 'tail' | 'salvage';

/** What must hold after a crash. */
export interface ExpectedAfterCrash extends Expected {
  readonly tried: ReadonlySet<string>;
  readonly refused: ReadonlySet<string>;
  /** The last entry of the copy that is there, if one was made. */
  readonly copied: number | undefined;
  /** What must be done before the log is opened. */
  readonly repair: RepairMode | undefined;
}

/** An id that is written again and again. */
export const COUNTER = 'counter';

export const NOTHING: ExpectedAfterCrash = {
  tried: new Set(),
  acknowledged: new Map(),
  refused: new Set(),
  repeated: [COUNTER],
  copied: undefined,
  repair: undefined,
};

/** What had been promised when, after what was promised before, the first `count` effects had reached the disk. */
export function expectedAfter(
  before: ExpectedAfterCrash,
  effects: readonly Effect[],
  count: number,
): ExpectedAfterCrash {
  const tried = new Set(before.tried);
  const acknowledged = new Map(before.acknowledged);
  const refused = new Set(before.refused);
  let { copied, repair } = before;
  for (const effect of effects.slice(0, count)) {
    if (effect.kind !== 'note') continue;
    const note = effect.note as Note;
    if (note.kind === 'tried') for (const id of note.ids) tried.add(id);
    else if (note.kind === 'refused') for (const id of note.ids) refused.add(id);
    else if (note.kind === 'copied') copied = note.seq;
    else if (note.kind === 'damaged') {
      repair = note.repair;
      for (const id of note.ids) acknowledged.delete(id);
    } else for (const [i, id] of note.ids.entries()) acknowledged.set(id, note.seq + i);
  }
  return { ...before, tried, acknowledged, refused, copied, repair };
}
