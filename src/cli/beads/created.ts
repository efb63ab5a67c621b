import { createReadStream } from 'node:fs';
import type { Item } from '../../index.ts';
import { type InputLine, linesOf, parseLoosely } from '../lines.ts';
import { type Fields, isFields } from './fields.ts';
import type { History } from './history.ts';
import { inNanoseconds, instantOf } from './line.ts';
import { dateText } from './whole.ts';

/**
 * Tells when items came to be that do not say it themselves: at their first entry. Where that was compacted away, a file at `path`,
 * which is about to be written over, may say it.
 */
export function creationDates(
  history: () => Promise<History>,
  path: string | undefined,
): (item: Item) => Promise<string | undefined> {
  let inFile: Promise<ReadonlyMap<string, string>> | undefined;
  return async (item) => {
    const entries = await history();
    const known = entries.created(item);
    if (path === undefined || entries.knowsCreation(item)) return dateText(known);
    inFile ??= datesIn(path);
    const told = (await inFile).get(item.id);
    const at = instantOf(told);
    return at !== undefined && at < inNanoseconds(known) ? told : dateText(known);
  };
}

/** The created_at of each issue in a file of beads. Of what cannot be read none: whether it is lost is asked elsewhere. */
async function datesIn(path: string): Promise<ReadonlyMap<string, string>> {
  const dates = new Map<string, string>();
  try {
    for await (const line of linesOf(createReadStream(path))) {
      const { id, created_at } = fieldsIn(line);
      if (typeof id === 'string' && typeof created_at === 'string') dates.set(id, created_at);
    }
  } catch {}
  return dates;
}

function fieldsIn(line: InputLine): Fields {
  try {
    const value = parseLoosely(line);
    return isFields(value) ? value : {};
  } catch {
    return {};
  }
}
