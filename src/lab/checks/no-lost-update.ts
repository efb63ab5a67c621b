import { writerOf } from '../operations/operation.ts';
import { type Check, telling } from './check.ts';

/**
 * Whatever was decided on what was there stands in the store right after that: nobody wrote the id between, so that no
 * update undid another unseen.
 */
export const noLostUpdate: Check = {
  name: 'no update was lost',
  examine: telling(({ found, oldest }, fault) => {
    /** Who wrote each id last that somebody decided on: undefined where that cannot be known, null where nobody did, or deleted it. */
    const last = new Map<string, string | null | undefined>();
    const first = oldest <= 1 ? null : undefined;
    for (const { id, data } of found) if (fromOf(data) !== undefined) last.set(id, first);
    if (last.size === 0) return;
    for (const { seq, op, id, data } of found) {
      const before = last.get(id);
      if (before === undefined && !last.has(id)) continue;
      const from = fromOf(data);
      if (from !== undefined && before !== undefined && from !== before)
        fault(
          `entry ${seq} of ${id} was decided on what ${shown(from)} wrote, and undid what ${shown(before)} wrote`,
        );
      last.set(id, op === 'delete' ? null : (writerOf(data) ?? null));
    }
  }),
};

/** On whose entry it was decided; undefined where it was not decided on any. */
function fromOf(data: unknown): unknown {
  return (data as { from?: unknown } | null)?.from;
}

function shown(by: unknown): string {
  return by === null ? 'nobody' : String(by);
}
