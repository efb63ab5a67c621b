import type { Clock } from '../clock/clock.ts';
import { hasCode, type WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { type Gone, snapshotDamage, snapshotError } from '../store/snapshot-error.ts';
import { wholeBody } from '../store/snapshot-file.ts';
import type { FileSize, LineStore } from '../store/store.ts';
import type { SurveyedDamage } from './damage-survey.ts';

/** The state of the snapshots of a log. */
export interface SnapshotCheck {
  /** The head of the newest snapshot whose first line is whole. */
  readonly newest: Head | undefined;
  /** The last entry that the newest undamaged snapshot covers. */
  readonly whole: number | undefined;
  readonly damage: readonly SurveyedDamage[];
  /** Set if the state before the oldest entry that is present is lost with them. */
  readonly error: WalError | undefined;
}

/**
 * Reads the snapshots of a log whose entries are those from `oldest` to `last`. A snapshot that is deleted meanwhile
 * is left out.
 */
export async function checkSnapshots(
  store: LineStore,
  clock: Clock,
  oldest: number,
  last: number,
): Promise<SnapshotCheck> {
  const headers = new Map((await store.snapshots()).map((header) => [header.head.seq, header]));
  const sizesOf = () => [...headers.values()].map(({ head, body }) => ({ seq: head.seq, bytes: body.bytes }));
  const files = store.files?.snapshots() ?? sizesOf();
  const whole: number[] = [];
  const damaged: FileSize[] = [];
  for (const file of files) {
    const state = await stateOf(store, clock, headers.get(file.seq));
    if (state === 'whole') whole.push(file.seq);
    else if (state === 'damaged') damaged.push(file);
  }
  const [newest] = damaged;
  // Entries that were compacted away and that no undamaged snapshot covers.
  const from = (whole[0] ?? 0) + 1;
  const lostIn = ({ seq }: { seq: number }) => ({ from, to: Math.min(seq, oldest - 1) });
  const isLost = newest !== undefined && from <= lostIn(newest).to;
  // For the newest snapshot, also the entries after those that are present: its name says that their numbers were
  // used.
  const beyond = { from: Math.max(last + 1, oldest), to: newest?.seq ?? 0 };
  return {
    newest: [...headers.values()][0]?.head,
    whole: whole[0],
    damage: damaged.map((file) =>
      damageOf(file, isLost ? lostIn(file) : file === newest ? beyond : undefined, whole[0]),
    ),
    error: isLost ? snapshotError(store.info().location, newest.seq, lostIn(newest)) : undefined,
  };
}

/** `gone`: the entries that nothing else covers. */
function damageOf(
  { seq, bytes }: FileSize,
  gone: Gone | undefined,
  whole: number | undefined,
): SurveyedDamage {
  const known = { length: bytes, line: 1, settled: false, before: 0, after: 0, stranded: 0 };
  if (gone !== undefined && gone.from <= gone.to) return { ...snapshotDamage(seq, gone), ...known };
  const held = { from: 1, to: 0, records: 0, exact: true, acknowledged: 'no' } as const;
  const instead = whole !== undefined && { snapshot: snapshotName(whole) };
  return { kind: 'damaged', segment: snapshotName(seq), offset: 0, ...held, ...instead, ...known };
}

/**
 * Why files needed for a state, or for keys, are missing: the snapshot into which they were compacted is damaged.
 * Undefined if another compaction deleted them meanwhile. Yields values that may be promises, as `olderKeys` does.
 */
export function* lostState(store: LineStore): Generator<unknown, WalError | undefined, unknown> {
  // A store that is not a directory lists only the snapshots whose first line can be read.
  const { files } = store;
  if (files === undefined) return undefined;
  const [newest] = files.snapshots();
  const [whole] = (yield store.snapshots()) as SnapshotHeader[];
  const oldest = (yield store.oldest()) as number;
  // The first listing may be older than a snapshot that replaced the newest.
  const [now] = files.snapshots();
  if (newest === undefined || newest.seq !== now?.seq) return undefined;
  const gone = { from: (whole?.head.seq ?? 0) + 1, to: Math.min(newest.seq, oldest - 1) };
  return gone.from > gone.to ? undefined : snapshotError(store.info().location, newest.seq, gone);
}

async function stateOf(
  store: LineStore,
  clock: Clock,
  header: SnapshotHeader | undefined,
): Promise<'whole' | 'damaged' | 'gone'> {
  if (header === undefined) return 'damaged';
  try {
    const file = await store.openSnapshot(header);
    try {
      for (const _ of wholeBody(header, file)) await clock.yield();
    } finally {
      file.close();
    }
    return 'whole';
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_CORRUPT')) return 'damaged';
    if (hasCode(error, 'ERR_WAL_COMPACTED')) return 'gone';
    throw error;
  }
}
