import type { Command } from 'commander';
import { messageOf, WalError } from '../../errors/errors.ts';
import type { CompactOptions, CompactReport, Rewind, Wal } from '../../index.ts';
import { AUTOMATIC_KEEP, backUp, backupBeyond, deleteBackups, pruneBehind } from '../backups.ts';
import { makeCommand, settingsOf, wholeNumber } from '../command.ts';
import {
  bytesIn,
  foldNamed,
  foldOption,
  isSoleName,
  openWriter,
  requireFold,
  rewoundText,
  segmentsIn,
  snapshotsIn,
  throwWithFlag,
  using,
  type WriterOptions,
  withWriterOptions,
} from '../log.ts';
import { print, type Row } from '../output.ts';
import { sayNote } from '../stderr.ts';
import { count } from '../words.ts';

interface CompactSettings extends WriterOptions {
  readonly fold?: string;
  readonly retain: number;
  readonly backup: boolean;
}

export default function compactCommand(): Command {
  const command = makeCommand('compact', ['compact --fold last-data', 'compact --fold last-data --retain 1'])
    .addOption(foldOption())
    .option('--retain <count>', 'keep this many snapshots, and all entries after them', wholeNumber(1), 2)
    .option('--no-backup', 'make no backup before')
    .addHelpText(
      'after',
      `\nA backup is made first, in the log's backups, and verified: a damaged log is not compacted. It is removed again where\nnothing was compacted. Of those that compactions made, ${AUTOMATIC_KEEP} are kept. Made of hard links, a backup keeps on the disk what\nthe compaction would free: "backup prune --keep 0" frees that, or --no-backup at once.`,
    )
    .addHelpText(
      'after',
      '\nOthers may append meanwhile. What was compacted away is state ("jsonl-wal state"), and cannot be read as entries\nany more. --fold may be left out where the log\'s recorded fold is last-data. Where that is another, only it compacts:\nname the module of the program that it belongs to, or let that program compact.',
    );
  return withWriterOptions(command).action(async (_options: unknown, given: Command) => {
    const { dir, json, retain, backup, fold: named, ...options } = settingsOf<CompactSettings>(given);
    const fold = await foldNamed(named);
    let rewound: Rewind | undefined;
    const onRewound = (rewind: Rewind) => {
      rewound = rewind;
    };
    await using(openWriter(dir, { ...options, onRewound }), async (wal) => {
      if (rewound !== undefined) throw setBackError(rewoundText(rewound), rewound.from, FORGET);
      requireFold(wal, fold);
      const { report, deleted, freed, copy } = await compactSafely(wal, { fold, retain }, backup);
      const held = deleted > freed ? `; a backup still holds ${count(deleted - freed, 'byte')} of them` : '';
      const rows = (): Row[] => [
        ...snapshotRows(report),
        ['deleted', `${count(deleted, 'byte')} of segments${held}`],
        ...(copy === undefined ? [] : ([['backup', copy]] as const)),
      ];
      const done = { told: `The log is compacted up to entry ${report.seq}.`, seq: report.seq };
      await print(json, { ...report, deleted, freed, backup: copy ?? null }, rows, done);
    });
  });
}

/** Compacts a log that is as long as its backups; with `backup`, one that was copied, and found whole, before. */
async function compactSafely(wal: Wal, options: CompactOptions, backup: boolean) {
  const { location, git, keepEvents } = wal.info();
  await refuseSetBack(wal);
  // One that is never compacted is about to say so.
  const copy = backup && !git && !keepEvents ? await backUp(wal, 'compact') : undefined;
  const snapshots = snapshotsIn(location);
  const segments = segmentsIn(location).map((file) => ({ ...file, sole: isSoleName(location, file) }));
  const gone = () => without(segments, segmentsIn(location));
  const isAllThere = () => gone().length === 0 && without(snapshots, snapshotsIn(location)).length === 0;
  const discard = () => orSay(() => copy && deleteBackups(location, [copy]));
  let report: CompactReport;
  try {
    report = await wal.compact(options);
  } catch (error) {
    if (isAllThere()) discard();
    throwWithFlag(error, wal);
  }
  const deleted = gone();
  const facts = { report, deleted: bytesIn(deleted), freed: bytesIn(deleted.filter(({ sole }) => sole)) };
  if (copy === undefined) return { ...facts, copy };
  if (!report.made && isAllThere()) {
    discard();
    return { ...facts, copy: undefined };
  }
  orSay(() => pruneBehind(location, AUTOMATIC_KEEP, ['compact'], copy.seq));
  return { ...facts, copy: copy.directory };
}

/** What a snapshot covers, for people. */
export function snapshotRows({ made, seq, ids, bytes }: CompactReport): Row[] {
  const covers = `${made ? 'made' : 'there already'}, of all up to entry ${seq}`;
  return [
    ['snapshot', seq === 0 ? 'none: the log has no entries' : covers],
    ['state', `${count(ids, 'id')}, ${count(bytes, 'byte')}`],
  ];
}

/** What goes wrong with backups is no failure of the compaction. */
function orSay(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    sayNote(messageOf(error));
  }
}

function without<File extends { readonly name: string }>(
  files: readonly File[],
  others: readonly { readonly name: string }[],
): File[] {
  const names = new Set(others.map(({ name }) => name));
  return files.filter(({ name }) => !names.has(name));
}

/** Throws where a backup holds entries after the last one of the log. */
async function refuseSetBack(wal: Wal): Promise<void> {
  const { location } = wal.info();
  const { seq } = await wal.head();
  const further = await backupBeyond(location, seq);
  // It may have been made meanwhile, of a log that went on.
  const now = further === undefined ? seq : (await wal.head()).seq;
  if (further === undefined || further.seq <= now) return;
  const told = `the log ends at entry ${now}, and its backup ${further.directory} at entry ${further.seq} (cut, restored, checked out?)`;
  throw setBackError(told, now + 1, 'move that backup away');
}

const FORGET = '"jsonl-wal doctor --forget"';

/** What is deleted might be what the lost entries lead on from. */
function setBackError(told: string, seq: number, wayOut: string): WalError {
  const advice = '"jsonl-wal doctor" says how to get the rest back';
  const message = `Nothing was compacted: ${told}. ${advice}; if that was meant: ${wayOut}.`;
  return new WalError('ERR_WAL_CORRUPT', message, { seq });
}
