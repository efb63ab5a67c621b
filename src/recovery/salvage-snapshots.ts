import type { Clock } from '../clock/clock.ts';
import { hasCode } from '../errors/errors.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { isInvalid, type Survey } from '../format/survey.ts';
import { layoutOf } from '../layout/layout.ts';
import { readBody, readHeader } from '../layout/snapshots.ts';
import type { Storage } from '../storage/storage.ts';
import { convertedSnapshot } from './converted-snapshot.ts';
import { headerIn, type RepairedSnapshot, readableIds, repairSnapshot } from './repair-snapshot.ts';

/** The snapshots that a new log gets. */
export interface Snapshots {
  /** Oldest first. */
  readonly headers: readonly SnapshotHeader[];
  /** Those of them that had to be rebuilt, from a damaged snapshot or from one that something converted. */
  readonly repaired: readonly RepairedSnapshot[];
  /** The seq in the newest snapshot's name if that snapshot is damaged and none of `headers` reaches as far; else 0. */
  readonly damaged: number;
  /** Number of ids whose state is lost with the damaged parts of a snapshot. */
  readonly lostIds: number;
}

/**
 * Finds the whole snapshots. If none of them covers the entries before the first line, it also rebuilds the newest
 * damaged one that does. `log`: the id that snapshots must have, if it is known.
 */
export async function snapshotsFor(
  storage: Storage,
  clock: Clock,
  directory: string,
  log: string | undefined,
  survey: Survey,
): Promise<Snapshots> {
  const whole: SnapshotHeader[] = [];
  const damaged: SnapshotHeader[] = [];
  const converted: RepairedSnapshot[] = [];
  const named = layoutOf(storage, directory).snapshots;
  for (const seq of named) {
    const header = readHeader(storage, directory, seq, log);
    if (header !== undefined && (await isWhole(header))) {
      whole.push(header);
      continue;
    }
    const restored = convertedSnapshot(storage, directory, seq);
    if (restored !== undefined && (log === undefined || restored.header.log === log)) {
      converted.push(restored);
      whole.push(restored.header);
      continue;
    }
    const corrected = header ?? headerIn(storage, directory, seq, log);
    if (corrected !== undefined) damaged.push(corrected);
  }
  const before = firstSeq(survey) - 1;
  const covers = ({ head }: SnapshotHeader) => head.seq >= Math.min(before, Number.MAX_SAFE_INTEGER);
  const newest = damaged.findLast(covers) ?? damaged.at(-1);
  const isMissed = before > 0 && !whole.some(covers);
  const isRepaired = isMissed && newest !== undefined && newest.head.seq >= (whole.at(-1)?.head.seq ?? 0);
  const repaired = isRepaired ? [repairSnapshot(storage, directory, newest)] : [];
  const headers = [...whole, ...repaired.map(({ header }) => header)];
  const last = named.at(-1) ?? 0;
  const isDamaged = last > (headers.at(-1)?.head.seq ?? 0);
  const unread = isMissed && isDamaged ? readableIds(storage, directory, last) : 0;
  const lostIds = repaired.reduce((sum, { lost }) => sum + lost, unread);
  return { headers, repaired: [...converted, ...repaired], damaged: isDamaged ? last : 0, lostIds };

  async function isWhole(header: SnapshotHeader): Promise<boolean> {
    try {
      for (const _ of readBody(storage, directory, header)) await clock.yield();
      return true;
    } catch (error) {
      if (!hasCode(error, 'ERR_WAL_CORRUPT')) throw error;
      return false;
    }
  }
}

/** The first entry of a kept line; Infinity if there is none. */
function firstSeq({ items }: Survey): number {
  const first = items.find((item) => !isInvalid(item) && item.kept);
  return first === undefined || isInvalid(first) ? Infinity : first.seq;
}
