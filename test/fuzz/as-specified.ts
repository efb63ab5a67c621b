import { REPAIR_OP } from '../../src/format/line.ts';
import { segmentName } from '../../src/format/names.ts';
import { readAsSpecified } from '../support/reference.ts';
import type { Files } from './files.ts';

/** What FORMAT.md makes of a log. */
export interface Specified {
  /** The last entry. */
  readonly head: number;
  /** Whether entries are missing, or may be. */
  readonly harmed: boolean;
}

/** Longer segments are left out: the reference has no regard for speed. */
const MOST_BYTES = 100_000;

/**
 * Reads the segments from the first on, each where the seal of the one before leads to it. Undefined for what takes more
 * than that: snapshots, a segment that is no file, one that nothing leads to, a repair of what an earlier one lacks.
 */
export function specified(files: Files): Specified | undefined {
  const left = new Set([...files.keys()].filter((name) => /^(snapshot-)?[0-9]{20}\.jsonl$/.test(name)));
  let [head, harmed, doubt] = [0, false, false];
  for (let name = segmentName(1), sealed = true; sealed && left.delete(name); name = segmentName(head + 1)) {
    const content = files.get(name);
    if (!(content instanceof Buffer) || content.length > MOST_BYTES) return undefined;
    if ((harmed || doubt) && content.includes(REPAIR_OP)) return undefined;
    const found = readAsSpecified(content, head + 1);
    harmed ||= found.missing !== null;
    // One that a later segment follows was no harm to who wrote that.
    doubt = found.doubt !== null;
    head = found.head.seq;
    sealed = found.sealed;
  }
  return left.size === 0 ? { head, harmed: harmed || doubt } : undefined;
}
