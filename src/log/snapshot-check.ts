import type { Clock } from '../clock/clock.ts';
import { hasCode, type WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { type Gone, snapshotDamage, snapshotError } from '../store/snapshot-error.ts';
import { wholeBody } from '../store/snapshot-file.ts';
import type { FileSize, LineStore } from '../store/store.ts';
import type { SurveyedDamage } from './damage-survey.ts';

/** What the snapshots of a log are worth. */
export interface SnapshotCheck {
  /** The head of the newest whose first line is whole. */
  readonly newest: Head | undefined;
  /** The last entry that the newest whole one stands for. */
  readonly whole: number | undefined;
  readonly damage: readonly SurveyedDamage[];
  /** Where the state before the oldest entry that is here is gone with them. */
  readonly error: WalError | undefined;
}

/**
 * Reads the snapshots of a log whose entries are those from `oldest` to `last`. One that is taken away meanwhile is left
 * out.
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
  // What was compacted away, and none that is whole stands for.
  const from = (whole[0] ?? 0) + 1;
  const lostIn = ({ seq }: { seq: number }) => ({ from, to: Math.min(seq, oldest - 1) });
  const isLost = newest !== undefined && from <= lostIn(newest).to;
  // Of the newest, what came after the entries that are there, too: its name tells that they were given their numbers.
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

/** `gone`: the entries that nothing else stands for. */
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
 * Why files that a state, or keys, are made of are not there: the snapshot that they were compacted into is damaged. Undefined
 * where another compaction took them away meanwhile. Yields what may have to be waited for, as `olderKeys` does.
 */
export function* lostState(store: LineStore): Generator<unknown, WalError | undefined, unknown> {
  // A store that is no directory lists only the snapshots whose first line can be read.
  const { files } = store;
  if (files === undefined) return undefined;
  const [newest] = files.snapshots();
  const [whole] = (yield store.snapshots()) as SnapshotHeader[];
  const oldest = (yield store.oldest()) as number;
  // That listing may be older than what took the snapshot's place.
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
