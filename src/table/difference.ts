import { isDeepStrictEqual } from 'node:util';
import type { Change } from './overlay.ts';
import type { View } from './view.ts';

/** Op of the changes that are delivered after a table was loaded again. */
const RELOAD_OP = 'wal.reload';

/** The changes from one view to another, if the records between them are not known. */
export function difference<V>(before: View<V>, after: View<V>, seq: number): Change<V>[] {
  const changes: Change<V>[] = [];
  for (const id of new Set([...idsOf(before), ...idsOf(after)])) {
    const [was, is] = [before.item(id), after.item(id)];
    if (isDeepStrictEqual(was, is)) continue;
    changes.push(Object.freeze({ id, seq: is?.rev ?? seq, op: RELOAD_OP, before: was, after: is }));
  }
  return changes;
}

function* idsOf<V>(view: View<V>): Generator<string, void, undefined> {
  for (const { id } of view.entries()) yield id;
}
