import { canonicalOfParsed } from '../../format/canonical.ts';
import type { Entry, Item } from '../../index.ts';
import { isFields } from './fields.ts';
import { type BeadsLine, inMilliseconds, tombstonePlace } from './line.ts';
import { itemTime, wholeFields } from './whole.ts';

/** The state that a line is compared with. */
export interface State {
  item(id: string): Item | undefined;
}

/** What importing a line does. kept: the log keeps a line that is no issue. older: nothing, for the log has what is newer. */
export type Did = 'added' | 'updated' | 'deleted' | 'kept' | 'unchanged' | 'older';

export interface Step {
  readonly did: Did;
  readonly entries: readonly Entry[];
  /** What the log has of it. */
  readonly now: Item | undefined;
}

/** What makes the state what a line says. `force`: also where the line is older. */
export function stepFor(state: State, line: BeadsLine, force: boolean): Step {
  const { about, place, kind, at, fields } = line;
  const live = state.item(about);
  const tombstone = kind === 'other' ? undefined : state.item(tombstonePlace(about));
  const now = live ?? tombstone;
  const step = (did: Did, ...entries: Entry[]): Step => ({ did, entries, now });

  const saysTheSame =
    kind === 'tombstone' ? live === undefined && isSame(tombstone, line) : isSame(live, line);
  if (saysTheSame) return step('unchanged');
  if (now !== undefined && at !== undefined && at < itemTime(now) && !force) return step('older');

  const ts = at === undefined ? {} : { ts: inMilliseconds(at) };
  const write = (op: string): Entry => ({ op, id: place, data: fields, ...ts });
  const drop = (item: Item | undefined): Entry[] =>
    item === undefined ? [] : [{ op: 'delete', id: item.id, ...ts }];
  if (kind === 'other') return step('kept', write('keep'));
  if (kind === 'tombstone')
    return step(live === undefined ? 'kept' : 'deleted', ...drop(live), write('keep'));
  // Always an add: the data is the whole issue, and no edit of one.
  return step(live === undefined ? 'added' : 'updated', ...drop(tombstone), write('add'));
}

/** Whether an item says what a line does, as an export writes the item. */
function isSame(item: Item | undefined, { kind, fields }: BeadsLine): boolean {
  if (item === undefined || !isFields(item.value)) return false;
  const there = kind === 'issue' ? wholeFields(item, item.value, fields.created_at) : item.value;
  return canonicalOfParsed(there) === canonicalOfParsed(fields);
}
