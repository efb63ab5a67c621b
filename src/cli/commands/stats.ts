import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Command } from 'commander';
import { hasCode } from '../../errors/errors.ts';
import { canonicalOfParsed } from '../../format/canonical.ts';
import { FORMAT_VERSION } from '../../format/meta.ts';
import { snapshotSeq } from '../../format/names.ts';
import { printable } from '../../format/printable.ts';
import { encodeItem } from '../../format/snapshot.ts';
import { type Fold, lastData, lockStatus, type Wal } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import {
  bytesIn,
  foldNamed,
  foldOf,
  foldOption,
  lookAt,
  openReader,
  type SegmentFile,
  segmentsIn,
  snapshotsIn,
  using,
} from '../log.ts';
import { print, timeText } from '../output.ts';
import { figure, size } from '../words.ts';

/** The package's version. Finding its package.json takes a while: ask where it is wanted only. */
export function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('jsonl-wal/package.json') as { version: string };
  return version;
}

export default function statsCommand(): Command {
  return makeCommand('stats', ['stats', 'stats --fold last-data --json | jq .bytes.dead'])
    .addOption(foldOption())
    .addHelpText(
      'after',
      "\nLive is what the state takes as a snapshot, made with the log's fold: the recorded one, where that is last-data, or the\none that --fold names. The rest of the log is dead: compaction frees it, once no snapshot that is kept needs it, and no\nbackup holds it. Nothing is dead in a log that keeps its events.",
    )
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, fold: named } = settingsOf<{ readonly fold?: string }>(command);
      const fold = await foldNamed(named);
      const stats = await using(openReader(dir), (wal) => statsOf(wal, fold));
      await print(json, stats, () => rowsOf(stats));
    });
}

type LogStats = Awaited<ReturnType<typeof statsOf>>;

async function statsOf(wal: Wal, named: Fold | undefined) {
  const { id, location, created, keepEvents } = wal.info();
  const { seq } = await wal.head();
  const oldest = await wal.oldest();
  const segments = segmentsIn(location);
  const snapshots = snapshotsIn(location);
  const log = bytesIn(segments);
  const kept = bytesIn(snapshots);
  const recorded = foldOf(wal);
  const fold = named ?? (recorded?.name === lastData.name ? lastData : undefined);
  const state = fold && (await stateOf(wal, fold));
  return {
    id,
    directory: location,
    created,
    /** Ever appended, and those of them that can be read. */
    entries: { all: seq, readable: Math.max(0, seq - oldest + 1) },
    keepEvents,
    /** The recorded one. */
    fold: recorded ?? null,
    /** Null where the log's fold is not known here. */
    ids: state?.ids ?? null,
    segments: segments.length,
    snapshots: snapshots.map(({ name, bytes }) => ({ seq: snapshotSeq(name), bytes })),
    bytes: {
      segments: log,
      snapshots: kept,
      live: state?.bytes ?? null,
      dead: keepEvents === true ? 0 : state === undefined ? null : Math.max(0, log + kept - state.bytes),
    },
    lastWrite: lastWrite(location, [...segments, ...snapshots]),
    lock: lockStatus(location).kind ?? null,
    versions: { format: FORMAT_VERSION, package: packageVersion(), node: process.versions.node },
  };
}

/** Ids, and the bytes of a snapshot of them. */
async function stateOf(wal: Wal, fold: Fold): Promise<{ ids: number; bytes: number } | undefined> {
  try {
    const table = await wal.table({ fold });
    let bytes = 0;
    for (const item of table)
      bytes += Buffer.byteLength(encodeItem({ ...item, json: canonicalOfParsed(item.value) }));
    return { ids: table.size, bytes };
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_FOLD')) return undefined;
    throw error;
  }
}

/** When a file of lines was written last, in milliseconds since the epoch; null where there is none. */
function lastWrite(directory: string, files: readonly SegmentFile[]): number | null {
  const times = files.map(({ name }) => lookAt(join(directory, name))?.mtimeMs ?? 0);
  return times.length === 0 ? null : Math.round(Math.max(...times));
}

function rowsOf(stats: LogStats) {
  const { id, created, directory, entries, ids, segments, snapshots, bytes, lastWrite, lock, versions } =
    stats;
  const { fold, keepEvents } = stats;
  const flag = fold === null ? '--fold last-data, or --fold ./module.js' : '--fold ./module.js';
  const unknown = `not known: name the fold (${flag})`;
  const { all, readable } = entries;
  const compacted = all > readable ? `, the last ${figure(readable)} of them readable` : '';
  const newest = snapshots.at(-1);
  const { live, dead } = bytes;
  const deadText = keepEvents === true ? 'nothing: it keeps its events' : unknown;
  const share = live === null || dead === null ? 0 : Math.round((100 * dead) / Math.max(1, live + dead));
  return [
    ['log', `${id}, made ${created}`],
    ['directory', directory],
    ['entries', `${figure(all)}${compacted}`],
    ['fold', fold === null ? 'none recorded' : `${printable(fold.name)} version ${fold.version}`],
    ['ids', ids === null ? unknown : figure(ids)],
    ['segments', `${figure(segments)}, ${size(bytes.segments)}`],
    [
      'snapshots',
      newest === undefined
        ? 'none'
        : `${figure(snapshots.length)}, ${size(bytes.snapshots)}, the newest of entry ${newest.seq}`,
    ],
    ['live', live === null ? unknown : size(live)],
    ['dead', dead === null || keepEvents === true ? deadText : `${size(dead)} (${share} %)`],
    ['last write', lastWrite === null ? 'never' : timeText(lastWrite)],
    ['lock', lock ?? 'not chosen yet: the first writer on this machine chooses'],
    ['versions', `format ${versions.format}, jsonl-wal ${versions.package}, node ${versions.node}`],
  ] as const;
}
