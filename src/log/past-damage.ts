import type { Clock } from '../clock/clock.ts';
import type { Head } from '../format/chain.ts';
import { type LogRecord, recordsOfBody } from '../format/record.ts';
import type { LostRange } from '../format/survey.ts';
import { filesOf } from '../store/refusals.ts';
import type { LineStore } from '../store/store.ts';
import { readRecords } from './reader.ts';
import { divergedError } from './record-feed.ts';
import { isDamage, verifyLog } from './verify.ts';

export interface RangePastDamage {
  /** A first seq, or a cursor to continue after; undefined: the first entry that is kept. */
  readonly from: number | Head | undefined;
  readonly to: number | undefined;
  /** Called with each lost range of numbers, before the records after it. */
  readonly onSkip: ((range: LostRange) => void) | undefined;
}

/**
 * Reads the records that a salvage would keep, in its order and with its numbers: all records if the log is
 * undamaged.
 */
export async function* readPastDamage(
  store: LineStore,
  clock: Clock,
  { from, to, onSkip }: RangePastDamage,
): AsyncGenerator<LogRecord, void, undefined> {
  if (await isWhole(store, clock)) {
    yield* readRecords(store, clock, { from: from ?? (await store.oldest()), to, follow: undefined });
    return;
  }
  const cursor = typeof from === 'object' ? from : undefined;
  const first = Math.max(1, cursor === undefined ? ((from as number | undefined) ?? 1) : cursor.seq + 1);
  const last = to ?? Infinity;
  for await (const each of filesOf(store, 'Reading past damage').salvaged(
    from === undefined ? undefined : first,
  )) {
    if (each.kind === 'lost') {
      const { range } = each;
      if (range.from > last) return;
      if (range.to >= first) onSkip?.(range);
      continue;
    }
    const { line, body, seq } = each;
    if (seq > last) return;
    const ends = seq + line.count - 1;
    const isNamed = cursor !== undefined && seq <= cursor.seq && cursor.seq <= ends;
    if (isNamed && line.crc !== cursor.crc) throw divergedError(cursor);
    if (ends < first) continue;
    for (const record of recordsOfBody(body, line, seq))
      if (record.seq >= first && record.seq <= last) yield record;
  }
}

async function isWhole(store: LineStore, clock: Clock): Promise<boolean> {
  try {
    return (await verifyLog(store, clock)).ok;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return false;
  }
}
