import type { Found } from '../target.ts';
import { type Check, telling } from './check.ts';

/**
 * Whatever was decided on what was there stands in the store right after that: nobody wrote the id between, so that no
 * update undid another unseen.
 */
export const noLostUpdate: Check = {
  name: 'no update was lost',
  examine: telling(({ found, entries, ids, oldest, gone }, fault) => {
    /** Which ids somebody decided on. */
    const decided = new Uint8Array(ids.count);
    for (let i = 0; i < found.length; i++)
      if (fromOf((found[i] as Found).data) !== undefined) decided[entries.ids[i] as number] = 1;
    /** Who wrote each of them last, of those of which that can be known: null where it was deleted. */
    const last = new Map<number, string | null>();
    const isDoubtful = (id: string) => oldest > 1 && gone.isDoubtful(id);
    for (const { op, id, by } of gone.entries)
      if (!isDoubtful(id)) last.set(ids.numberOf(id), op === 'delete' ? null : by);
    for (let i = 0; i < found.length; i++) {
      const at = entries.ids[i] as number;
      if (decided[at] === 0) continue;
      const { seq, op, id, data } = found[i] as Found;
      const before = last.has(at) ? last.get(at) : isDoubtful(id) ? undefined : null;
      const from = fromOf(data);
      if (from !== undefined && before !== undefined && from !== before)
        fault(
          `entry ${seq} of ${id} was decided on what ${shown(from)} wrote, and undid what ${shown(before)} wrote`,
        );
      last.set(at, op === 'delete' ? null : (entries.bys[i] ?? null));
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
