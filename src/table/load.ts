import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Head, Tip } from '../format/chain.ts';
import { foldLabel } from '../format/fold-identity.ts';
import { GENESIS_CRC } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import type { LogRecord } from '../format/record.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { Appender } from '../log/appender.ts';
import { ChainFeed } from '../log/chain-feed.ts';
import { waiting } from '../log/keys.ts';
import { readPieces } from '../log/reader.ts';
import { divergedError } from '../log/record-feed.ts';
import { openBlocks } from '../log/snapshot-blocks.ts';
import { lostState } from '../log/snapshot-check.ts';
import type { Before } from '../store/feed.ts';
import type { LineStore } from '../store/store.ts';
import type { BufferedLine } from './catch-up-buffer.ts';
import type { Fold } from './fold.ts';
import { inSegment, upgradeItem } from './fold-item.ts';
import { freezeParsed } from './freeze.ts';
import { recordsIn } from './records.ts';
import { Run } from './run.ts';
import { State } from './state.ts';

export interface LoadParts {
  readonly store: LineStore;
  readonly clock: Clock;
}

export interface LoadHints {
  /** Whether all of a snapshot is checked before it is used. */
  readonly whole: boolean;
  /** Lines up to `head` that were read already, and need not be read again. */
  readonly recent: readonly BufferedLine[];
  /** Which entries after a snapshot count, if `recent` is empty. Default: all. */
  readonly counts?: ((record: LogRecord) => boolean) | undefined;
}

/** Other code runs each time that so many lines were folded in. */
const YIELD_EVERY = 100;

/**
 * The state at `head`: the newest snapshot of this fold, and the lines after it. `snapshots` must have been listed before
 * `head` was read. If a snapshot is damaged, or the lines do not follow it, an older one is used, or the lines that the
 * snapshots were made from, as far as they are still there.
 *
 * Rejects with ERR_WAL_FOLD if all that is left was made by another fold, or this one fails; with ERR_WAL_CORRUPT if too
 * much is damaged; with ERR_WAL_COMPACTED if files were deleted meanwhile: list the snapshots again.
 */
export async function loadState<V>(
  parts: LoadParts,
  fold: Fold<V>,
  snapshots: readonly SnapshotHeader[],
  head: Head,
  hints: LoadHints,
): Promise<State<V>> {
  try {
    return await loadFrom(parts, fold, snapshots, head, hints);
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw error;
    throw (await waiting(lostState(parts.store), () => parts.clock.yield())) ?? error;
  }
}

async function loadFrom<V>(
  parts: LoadParts,
  fold: Fold<V>,
  snapshots: readonly SnapshotHeader[],
  head: Head,
  { whole, recent, counts }: LoadHints,
): Promise<State<V>> {
  let damage: unknown;
  for (const header of snapshots) {
    if (!canUse(fold, header) || header.head.seq > head.seq) continue;
    let state: State<V> | undefined;
    try {
      const blocks = await openBlocks(parts.store, parts.clock, header, whole);
      state = isOf(fold, header)
        ? new State(fold, header, new Run(blocks))
        : await upgraded(parts, fold, new Run<V>(blocks), header);
      await resume(parts, state, { ...header.head, link: header.seal }, head, recent, counts);
      return state;
    } catch (error) {
      state?.close();
      if (!isPassedOver(error, state, header, damage !== undefined)) throw error;
      damage ??= error;
    }
  }
  try {
    const state = new State(fold);
    await resume(parts, state, { seq: 0, crc: GENESIS_CRC, link: GENESIS_CRC }, head, recent, counts);
    return state;
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw error;
    const [other] = snapshots;
    if (damage !== undefined) throw damage;
    if (other !== undefined && !isOf(fold, other)) throw foldError(fold, other, parts.store.info().location);
    throw error;
  }
}

/** Whether to try an older snapshot. `damage`: a newer one was passed over already. */
function isPassedOver<V>(
  error: unknown,
  state: State<V> | undefined,
  header: SnapshotHeader,
  damage: boolean,
): boolean {
  // Damage in the lines after the snapshot is no reason.
  if (hasCode(error, 'ERR_WAL_CORRUPT')) return state === undefined || state.isDamaged;
  // The snapshot was made of another branch of this log.
  if (hasCode(error, 'ERR_WAL_DIVERGED')) return state?.seq === header.head.seq;
  // The lines from this snapshot to the damaged one were deleted.
  return damage && hasCode(error, 'ERR_WAL_COMPACTED');
}

/** Whether a fold can resume from a snapshot: its own, or one of an earlier version that it upgrades. */
export function canUse<V>(fold: Fold<V>, header: SnapshotHeader): boolean {
  const { name, version } = header.fold;
  return isOf(fold, header) || (fold.upgrade !== undefined && fold.name === name && fold.version > version);
}

/**
 * Records the fold as the log's, if none is recorded, or an earlier version of it. A fold that can make the state neither
 * from the newest snapshot nor from all entries is not recorded: then neither the earlier version nor this one could
 * compact the log. Without a fold, only reads which fold the log has.
 */
export async function recordFold(
  { store, appender }: { readonly store: LineStore; readonly appender: Appender },
  fold: Fold | undefined,
): Promise<void> {
  const [newest] = await store.snapshots();
  if (newest !== undefined) appender.tail.observeSnapshot(newest);
  if (fold === undefined) return;
  const canMakeState = newest === undefined || canUse(fold, newest) || (await store.oldest()) === 1;
  if (canMakeState) await appender.recordFold({ name: fold.name, version: fold.version });
}

/** The state in a snapshot of an earlier version of the fold, with each value upgraded. Throws ERR_WAL_FOLD. */
async function upgraded<V>(
  { clock }: LoadParts,
  fold: Fold<V>,
  run: Run<V>,
  header: SnapshotHeader,
): Promise<State<V>> {
  const state = new State(fold, header);
  try {
    let count = 0;
    for (const { item } of run.entries()) {
      state.put(item.id, upgradeItem(fold, item, header.fold.version));
      if (++count % YIELD_EVERY === 0) await clock.yield();
    }
    return state;
  } finally {
    run.close();
  }
}

/** Whether a snapshot was made by this version of a fold. */
export function isOf<V>(fold: Fold<V>, { fold: { name, version }, body }: SnapshotHeader): boolean {
  const ordered = body.ordered !== undefined;
  return fold.name === name && fold.version === version && ordered === (fold.order !== undefined);
}

/** Folds in the records after `from`, where the state is, up to `to`: the recent ones if they follow, else those read. */
async function resume<V>(
  parts: LoadParts,
  state: State<V>,
  from: Tip,
  to: Head,
  recent: readonly BufferedLine[],
  counts: LoadHints['counts'],
): Promise<void> {
  const [first] = recent.length > 0 ? recordsOf(recent[0] as BufferedLine) : [];
  if (first?.seq !== from.seq + 1 || first.prev !== from.link) return readOn(parts, state, from, to, counts);
  let count = 0;
  for (const each of recent) {
    try {
      state.applyLine(recordsOf(each));
    } catch (error) {
      throw inSegment(error, segmentName(each.segment));
    }
    if (++count % YIELD_EVERY === 0) await parts.clock.yield();
  }
}

function recordsOf({ line, segment, envelope }: BufferedLine): LogRecord[] {
  return recordsIn(line, 0, line.length, segment, envelope);
}

/** Reads and folds in the records after `from`, where the state is, up to `to`. */
async function readOn<V>(
  { store, clock }: LoadParts,
  state: State<V>,
  from: Tip,
  to: Head,
  counts: LoadHints['counts'],
): Promise<void> {
  if (to.seq === from.seq) {
    if (to.crc !== from.crc) throw divergedError(from);
    return;
  }
  const range = { from: from.seq + 1, to: to.seq, follow: undefined };
  for await (const records of readPieces(store, clock, range)) {
    for (const record of records) {
      const { seq, prev } = record;
      if (seq !== state.seq + 1 || (state.seq === from.seq && prev !== from.link)) throw divergedError(from);
      try {
        if (counts?.(record) === false) state.leaveOut(seq);
        else state.applyLine([freezeParsed(record)]);
      } catch (error) {
        throw inSegment(error, await segmentOf(store, seq));
      }
    }
  }
}

/** Name of the segment that holds an entry. */
async function segmentOf(store: LineStore, seq: number): Promise<string> {
  const feed = new FirstSegment();
  const reader = store.reader(seq, false);
  try {
    await reader.read(feed);
  } finally {
    reader.close();
  }
  return segmentName(feed.first ?? seq);
}

/** Notes the segment in which reading begins. */
class FirstSegment extends ChainFeed {
  first: number | undefined;

  override begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    this.first ??= firstSeq;
    super.begin(firstSeq, before, replaced);
  }
}

function foldError<V>(fold: Fold<V>, { fold: other, head }: SnapshotHeader, location: string): WalError {
  const isName = other.name === fold.name;
  const advice =
    isName && other.version < fold.version
      ? 'Give the fold the method upgrade(value, fromVersion), which makes a value of this version from one of that version'
      : `Open the table with that fold${isName && other.version === fold.version ? `, which ${fold.order ? 'had no' : 'had an'} order` : ''}`;
  const message = `The entries up to ${head.seq} were compacted with the fold ${foldLabel(other)}: the fold ${foldLabel(fold)} cannot resume from its state. ${advice}. ${backupsText(location)}`;
  return new WalError('ERR_WAL_FOLD', message, { seq: head.seq });
}

/** Where the entries may be that a compaction by the wrong fold deleted. */
export function backupsText(location: string): string {
  return `Where the command line compacted it, a backup from before is in ${location}/backups ("jsonl-wal backup list").`;
}
