import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import { type FoldIdentity, foldLabel, isNews } from '../format/fold-identity.ts';
import type { SnapshotKey } from '../format/key-lines.ts';
import { firstInScope } from '../format/key-scope.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { SnapshotBodyMaker } from '../format/snapshot-body.ts';
import type { Appender, Sealed } from '../log/appender.ts';
import { olderKeys, waiting } from '../log/keys.ts';
import { openBlocks } from '../log/snapshot-blocks.ts';
import { integer, readOptions } from '../options/options.ts';
import type { LineStore } from '../store/store.ts';
import { checkFold, type Fold, lastData } from './fold.ts';
import { backupsText, isOf, loadState } from './load.ts';
import type { State } from './state.ts';

export interface CompactOptions<V = unknown> {
  /**
   * How records become the value of their id. Default: the Wal's option `fold`, else `lastData` if that is the log's
   * recorded fold. If neither names a fold, or the log's fold is another one or a later version of this one, the call is
   * refused with ERR_WAL_FOLD: it could delete what the log's own fold needs.
   */
  readonly fold?: Fold<V> | undefined;
  /**
   * How many snapshots of this fold are kept, the new one included, with all that leads from the oldest of them to the end
   * of the log. 1: everything that the new one covers is deleted at once, and with it what a damaged snapshot could be
   * rebuilt from. Infinity: nothing is deleted. 1 to 1,000, or Infinity; default 2.
   */
  readonly retain?: number | undefined;
}

export interface CompactReport {
  /** The last entry that the newest snapshot covers; 0 if the log is empty. */
  readonly seq: number;
  /** Whether this call made that snapshot; false if there was nothing new, or another process came first. */
  readonly made: boolean;
  /** Ids in the snapshot. */
  readonly ids: number;
  /** Bytes of its file, without the first line. */
  readonly bytes: number;
}

/** What a compaction uses of its Wal. */
export interface CompactHost {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly appender: Appender;
  /** The Wal's own; undefined unless its caller named one. */
  readonly fold: Fold | undefined;
}

/** Other code runs each time that so many items were made. */
const YIELD_EVERY = 1000;

/** A compaction that finds the log compacted further at every try gives up, because the others do its work. */
const MOST_TRIES = 5;

/**
 * Folds everything in the log into a snapshot, and deletes what the oldest retained snapshot covers. Others continue to
 * append meanwhile; the lock is held for the seal only. A crash at any point leaves the log whole: the snapshot gets its
 * name once it was synced and read back, then the directory is synced, and only then are files deleted.
 */
export async function compact<V>(host: CompactHost, options: CompactOptions<V>): Promise<CompactReport> {
  const { fold: given, retain: wanted } = readOptions(options, ['fold', 'retain']);
  const named = (given ?? host.fold) as Fold<V> | undefined;
  const checked = named && checkFold(named);
  const retain = wanted === Infinity ? wanted : integer('retain', wanted ?? 2, 1, 1000);
  const { store, appender } = host;
  await requireCompactable(store);
  const fold = await foldFor(host, checked);
  await tryFold(host, fold);
  const report = await makeSnapshot(
    host,
    fold,
    await appender.seal({ name: fold.name, version: fold.version }),
  );
  // A snapshot that another version of the fold made is nothing to fall back to.
  // They are listed newest first: this is the oldest one that is kept. Undefined if there are fewer: nothing is deleted.
  const { [retain - 1]: oldest } = (await store.snapshots()).filter((header) => isOf(fold, header));
  if (oldest === undefined) return report;
  // Another log's wal.json would not know the snapshot.
  await requireCompactable(store);
  await store.trim(oldest.head.seq);
  return report;
}

/** Throws if entries must be kept. Reads wal.json again, because it may have been changed, or belong to another log by now. */
async function requireCompactable(store: LineStore): Promise<void> {
  const { location, keepEvents } = store.info();
  const now = store.files?.metaNow() ?? store.info();
  const why = now.git
    ? 'is kept in git, in one segment, so that a merge sees all of it. It is never compacted'
    : now.keepEvents === true
      ? 'keeps its events (keepEvents in wal.json): its entries are the data. It is never compacted'
      : keepEvents === true
        ? 'was opened with keepEvents: this Wal compacts nothing. To compact it, open it without that option'
        : now.keepEvents === 'unknown'
          ? 'lost its wal.json. The salvage that rebuilt wal.json could not find out whether the log keeps its events, or which fold it had. Nothing was compacted. If its entries may be deleted, change keepEvents in wal.json to false; otherwise to true'
          : undefined;
  if (why !== undefined) throw new WalError('ERR_WAL_UNSUPPORTED', `The log in ${location} ${why}.`);
}

/** The fold to compact with, before anything is written. Throws ERR_WAL_FOLD if it is not the log's, or none was named. */
async function foldFor<V>(host: CompactHost, named: Fold<V> | undefined): Promise<Fold<V>> {
  const { store, appender } = host;
  await store.catchUp(appender.tail);
  const fold = named ?? (lastData as Fold<V>);
  requireFold(host, fold, await store.snapshots());
  if (named !== undefined || appender.tail.fold !== undefined) return fold;
  throw new WalError(
    'ERR_WAL_FOLD',
    `No fold is recorded for the log in ${store.info().location}, and a compaction deletes the entries that a state was made from: open the Wal with the option fold, or name one here (fold: lastData keeps the last data of each id, and nothing else).`,
  );
}

/** Throws if the log's fold is another, or a later version: a compaction with this one would delete what that one needs. */
function requireFold(
  { store, appender: { tail } }: CompactHost,
  fold: FoldIdentity,
  [newest]: readonly SnapshotHeader[],
): void {
  if (newest !== undefined) tail.observeSnapshot(newest);
  const { fold: recorded } = tail;
  if (recorded === undefined || (recorded.name === fold.name && recorded.version <= fold.version)) return;
  const message = `The log's fold is ${foldLabel(recorded)}, and a compaction with ${foldLabel(fold)} would delete what that fold needs: nothing was deleted. Compact with the log's fold.${newest === undefined ? '' : ` ${backupsText(store.info().location)}`}`;
  throw new WalError('ERR_WAL_FOLD', message, { ...(newest && { seq: newest.head.seq }) });
}

/**
 * Makes the state with a fold that is not recorded as the log's yet. A recorded name is never taken back, and a fold that
 * fails on the entries must not be recorded.
 */
async function tryFold<V>(host: CompactHost, fold: Fold<V>): Promise<void> {
  const { store, clock, appender } = host;
  if (!isNews(appender.tail.fold, fold)) return;
  const { head } = appender.tail;
  const state = await loadState(host, fold, await store.snapshots(), head, { whole: false, recent: [] });
  try {
    let count = 0;
    for (const _ of state.lines()) if (++count % YIELD_EVERY === 0) await clock.yield();
    if (fold.order) for (const _ of state.ordered()) if (++count % YIELD_EVERY === 0) await clock.yield();
  } finally {
    state.close();
  }
}

async function makeSnapshot<V>(host: CompactHost, fold: Fold<V>, sealed: Sealed): Promise<CompactReport> {
  const { store, appender } = host;
  const { tip: head } = sealed;
  for (let tries = 1; ; tries++) {
    const snapshots = await store.snapshots();
    const [newest] = snapshots;
    if (head.seq === 0) return { seq: 0, made: false, ids: 0, bytes: 0 };
    requireFold(host, fold, snapshots);
    try {
      const isThere = newest !== undefined && newest.head.seq >= head.seq && isOf(fold, newest);
      if (isThere && (await isWhole(host, newest, head))) return reportOf(newest, false);
      // Checked whole: what is copied from a damaged snapshot would be damaged for good.
      const state = await loadState(host, fold, snapshots, head, { whole: true, recent: [] });
      try {
        const keys = await keysBefore(host, sealed);
        const { header, pieces } = await encode(host, state, keys, sealed);
        // If nothing had to be sealed, no seal recorded the fold: another, or a later version, may have been recorded since.
        await store.catchUp(appender.tail);
        requireFold(host, fold, snapshots);
        await store.putSnapshot(header, pieces);
        // The same may have happened while the snapshot was written, and what that fold needs would be deleted next.
        await store.catchUp(appender.tail);
        requireFold(host, fold, snapshots);
        appender.tail.observeSnapshot(header);
        return reportOf(header, true);
      } finally {
        state.close();
      }
    } catch (error) {
      // Another compaction deleted what this one was reading.
      if (!hasCode(error, 'ERR_WAL_COMPACTED') || tries === MOST_TRIES) throw error;
    }
  }
}

/**
 * Whether a snapshot of `head`, or a later one, is as it was written: what it could be rebuilt from is deleted next. A
 * damaged snapshot of `head` can be made again; for a later one this throws ERR_WAL_CORRUPT.
 */
async function isWhole(
  { store, clock }: CompactHost,
  snapshot: SnapshotHeader,
  head: Head,
): Promise<boolean> {
  try {
    (await openBlocks(store, clock, snapshot, true)).close();
    return true;
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_CORRUPT') || snapshot.head.seq > head.seq) throw error;
    return false;
  }
}

function reportOf({ head, body }: SnapshotHeader, made: boolean): CompactReport {
  return { seq: head.seq, made, ids: body.ids, bytes: body.bytes };
}

/** The idempotency keys that a writer may still ask for: they would be forgotten when their lines are deleted. */
function keysBefore({ store, clock }: CompactHost, { tip: { seq }, keys }: Sealed): Promise<SnapshotKey[]> {
  return waiting(olderKeys(store, firstInScope(keys, seq), seq + 1), () => clock.yield());
}

async function encode<V>(
  { store, clock }: CompactHost,
  state: State<V>,
  keys: readonly SnapshotKey[],
  { tip: { seq, crc, link: seal }, keys: scope }: Sealed,
): Promise<{ header: SnapshotHeader; pieces: Buffer[] }> {
  const { fold } = state;
  const maker = new SnapshotBodyMaker();
  for (const { id, line } of state.lines()) if (maker.addItem(id, line)) await clock.yield();
  if (fold.order) for (const placed of state.ordered()) if (maker.addPlaced(placed)) await clock.yield();
  for (const key of keys) if (maker.addKey(key)) await clock.yield();
  const body = maker.end(fold.order !== undefined);
  const { name, version } = fold;
  const made = { log: store.info().id, created: clock.now(), head: { seq, crc }, latest: state.latest, seal };
  const header = { ...made, fold: { name, version }, keys: scope, body };
  return { header, pieces: maker.pieces };
}
