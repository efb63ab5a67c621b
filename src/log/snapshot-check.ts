import type { Clock } from '../clock/clock.ts';
import { snapshotDamage } from '../errors/damage.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { LineStore } from '../store/store.ts';
import type { SurveyedDamage } from './damage-survey.ts';

/** What the snapshots of a log are worth. */
export interface SnapshotCheck {
  /** How many there are, whole or not. */
  readonly count: number;
  /** The head of the newest whose first line is whole. */
  readonly newest: Head | undefined;
  /** The last entry that the newest whole one stands for. */
  readonly whole: number | undefined;
  readonly damage: readonly SurveyedDamage[];
  /** Where the state before the oldest entry that is here is gone with them. */
  readonly error: WalError | undefined;
}

/** Reads the snapshots of a log whose entries begin with `oldest`. One that is taken away meanwhile is left out. */
export async function checkSnapshots(store: LineStore, clock: Clock, oldest: number): Promise<SnapshotCheck> {
  const headers = new Map((await store.snapshots()).map((header) => [header.head.seq, header]));
  const files = await store.snapshotFiles();
  const whole: number[] = [];
  const damaged: { seq: number; bytes: number }[] = [];
  for (const file of files) {
    const state = await stateOf(store, clock, headers.get(file.seq));
    if (state === 'whole') whole.push(file.seq);
    else if (state === 'damaged') damaged.push(file);
  }
  const isGone = oldest > 1 && damaged.length > 0 && !whole.some((seq) => seq >= oldest - 1);
  return {
    count: files.length,
    newest: [...headers.values()][0]?.head,
    whole: whole[0],
    damage: damaged.map(({ seq, bytes }) => damageOf(seq, bytes, isGone ? oldest - 1 : 0, whole[0])),
    error: isGone ? goneError(oldest, (damaged[0] as { seq: number }).seq) : undefined,
  };
}

/** `gone`: the last entry that nothing else stands for; 0 where all are here. */
function damageOf(seq: number, bytes: number, gone: number, whole: number | undefined): SurveyedDamage {
  const to = Math.min(seq, gone);
  const segment = snapshotName(seq);
  const known = { length: bytes, line: 1, settled: false, before: 0, after: 0, stranded: 0 };
  if (to > 0) return { ...snapshotDamage(segment, seq, to), ...known };
  const held = { from: 1, to, records: 0, exact: true, acknowledged: 'no' } as const;
  const instead = whole !== undefined && { snapshot: snapshotName(whole) };
  return { kind: 'damaged', segment, offset: 0, ...held, ...instead, ...known };
}

function goneError(oldest: number, seq: number): WalError {
  const segment = snapshotName(seq);
  const to = oldest - 1;
  return new WalError(
    'ERR_WAL_CORRUPT',
    `Entries 1 to ${to} were compacted away, and no snapshot of them is whole: their state is gone, unless a backup has it. From entry ${oldest} on the log can be read.`,
    { segment, offset: 0, seq: 1, cause: 'snapshot', damage: snapshotDamage(segment, seq, to) },
  );
}

async function stateOf(
  store: LineStore,
  clock: Clock,
  header: SnapshotHeader | undefined,
): Promise<'whole' | 'damaged' | 'gone'> {
  if (header === undefined) return 'damaged';
  try {
    for await (const _ of store.readSnapshot(header)) await clock.yield();
    return 'whole';
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_CORRUPT')) return 'damaged';
    if (hasCode(error, 'ERR_WAL_COMPACTED')) return 'gone';
    throw error;
  }
}
