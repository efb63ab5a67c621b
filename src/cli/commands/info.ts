import type { Command } from 'commander';
import { printable } from '../../format/printable.ts';
import { lockStatus, type Wal } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { bytesIn, foldOf, openReader, type SegmentFile, segmentsIn, using } from '../log.ts';
import { print, type Row } from '../output.ts';
import { count } from '../words.ts';

export default function infoCommand(): Command {
  return makeCommand('info', ['info', 'info --json | jq .head.seq']).action(
    async (_options: unknown, command: Command) => {
      const { dir, json } = settingsOf(command);
      const { trouble, ...facts } = await using(openReader(dir), async (wal) => {
        const head = await wal.head();
        const { id, created, location, git, keepEvents, keyWindow, sync } = wal.info();
        const segments = segmentsIn(location);
        const bytes = bytesIn(segments);
        const lock = lockStatus(location).kind ?? null;
        const trouble = await troubleAt(head.seq, wal);
        return {
          id,
          created,
          directory: location,
          git,
          keepEvents,
          fold: foldOf(wal) ?? null,
          head,
          keyWindow,
          segments,
          bytes,
          lock,
          sync,
          trouble,
        };
      });
      const rows = (): Row[] => {
        const { id, created, directory, git, head, keyWindow, segments, bytes, lock, sync } = facts;
        const { keepEvents, fold } = facts;
        const by = fold === null ? 'once a fold is named' : 'with that fold';
        return [
          ['log', `${id}, made ${created}`],
          ['directory', directory],
          ['head', head.seq === 0 ? 'no entries yet' : `entry ${head.seq} (crc ${head.crc})`],
          ['size', sizeText(bytes, segments)],
          ['keys', `looked for among the last ${count(keyWindow, 'entry', 'entries')}`],
          ['lock', lock ?? 'not chosen yet: the first writer on this machine chooses'],
          ['acknowledged', `once synced (${sync}), unless a writer says otherwise`],
          ['fold', fold === null ? 'none recorded' : `${printable(fold.name)} version ${fold.version}`],
          ['events', eventsText(keepEvents, git, by)],
          ['git', git ? 'kept in git: one segment' : 'no'],
        ];
      };
      await print(json, facts, rows);
      if (trouble !== undefined) throw trouble;
    },
  );
}

/** What reading on from the head ends in; what lies in the segments before, verify looks at. */
async function troubleAt(seq: number, wal: Wal): Promise<unknown> {
  try {
    for await (const _ of wal.read({ from: Math.max(await wal.oldest(), seq) }));
    return undefined;
  } catch (error) {
    return error;
  }
}

function sizeText(bytes: number, segments: readonly SegmentFile[]): string {
  const last = segments.length > 1 ? `, the last ${segments.at(-1)?.name}` : '';
  return `${count(bytes, 'byte')} in ${count(segments.length, 'segment')}${last}`;
}

function eventsText(keepEvents: boolean | 'unknown', git: boolean, by: string): string {
  if (keepEvents === true || git) return 'kept: never compacted';
  return keepEvents === 'unknown'
    ? 'not known since a salvage: not compacted until keepEvents in wal.json is true or false'
    : `may be compacted, ${by}`;
}
