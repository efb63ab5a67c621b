import { writerOf } from '../operations/operation.ts';
import type { Check } from './check.ts';

/**
 * Whatever was decided on what was there stands in the store right after that: nobody wrote the id between, so that no
 * update undid another unseen.
 */
export const noLostUpdate: Check = {
  name: 'no update was lost',
  *examine({ found, oldest }) {
    /** Who wrote each id last; null where it was deleted. */
    const last = new Map<string, string | null>();
    for (const { seq, op, id, data } of found) {
      const from = (data as { from?: unknown } | null)?.from;
      const known = last.has(id) || oldest <= 1;
      const before = last.get(id) ?? null;
      if (from !== undefined && known && from !== before)
        yield `entry ${seq} of ${id} was decided on what ${shown(from)} wrote, and undid what ${shown(before)} wrote`;
      last.set(id, op === 'delete' ? null : (writerOf(data) ?? null));
    }
  },
};

function shown(by: unknown): string {
  return by === null ? 'nobody' : String(by);
}
