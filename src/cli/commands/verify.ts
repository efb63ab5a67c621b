import type { Command } from 'commander';
import {
  type MissingRange,
  type NotedRewind,
  notedRewinds,
  type OddLine,
  type SurveyedDamage,
  type VerifyReport,
} from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { damageRows } from '../damage.ts';
import { errorObject } from '../failure.ts';
import { bytesIn, notedText, openLog, rewoundText, segmentsIn, using } from '../log.ts';
import { firstFew, print, type Row } from '../output.ts';
import { Progress } from '../stderr.ts';
import { count, entryRange, figure, pendingText, strayText } from '../words.ts';

export default function verifyCommand(): Command {
  return makeCommand('verify', ['verify', 'verify --json | jq .missing']).action(
    async (_options: unknown, command: Command) => {
      const { dir, json } = settingsOf(command);
      // The report tells it.
      const opening = openLog(dir, { readOnly: true, onRewound: undefined });
      const { report, noted } = await using(opening, async (wal) => {
        const { location } = wal.info();
        const total = bytesIn(segmentsIn(location));
        const progress = new Progress('verify', total);
        const onProgress = (bytes: number) => progress.update(bytes, () => count(bytes, 'byte'));
        return { report: await wal.verify({ onProgress }), noted: notedRewinds(location).reverse() };
      });
      const facts = { ...report, noted, error: report.error && errorObject(report.error) };
      await print(json, facts, () => rowsOf(report, noted));
      if (report.error !== undefined) throw report.error;
    },
  );
}

function rowsOf(report: VerifyReport, noted: readonly NotedRewind[]): Row[] {
  const {
    ok,
    head,
    readable,
    entries,
    bytes,
    lines,
    segments,
    missing,
    pending,
    damage,
    odd,
    rewound,
    strays,
  } = report;
  const { accepted, ...others } = lines;
  const kinds = Object.entries(others).filter(([, number]) => number > 0);
  return [
    [
      'verdict',
      ok
        ? okText(rewound !== undefined || noted.length > 0)
        : 'NOT OK: acknowledged entries are missing, or may be',
    ],
    ['entries', `${figure(entries)}, head ${head.seq} (crc ${head.crc})`],
    ...(ok
      ? []
      : [['readable', readable === 0 ? 'nothing, from the beginning' : `up to entry ${readable}`] as const]),
    ['size', `${count(bytes, 'byte')} in ${count(segments.length, 'segment')}`],
    [
      'lines',
      [`${figure(accepted)} accepted`, ...kinds.map(([kind, number]) => `${figure(number)} ${kind}`)].join(
        ', ',
      ),
    ],
    ...(pending === undefined
      ? []
      : [['pending', `${pendingText(head.seq, pending)}: the next append takes it in`] as const]),
    // Mostly the damage below tells of the same, and more.
    ...missing
      .filter((range) => !damage.some((stretch) => isOf(range, stretch)))
      .map(
        ({ from, to, segment, offset, settled }): Row => [
          'missing',
          `${entryRange(from, to)}, as ${segment} byte ${offset} proves${settled ? ' (repaired since)' : ''}`,
        ],
      ),
    ...(rewound === undefined ? [] : [['note', rewoundText(rewound)] as const]),
    ...firstFew(noted, (each): Row[] => [['note', notedText(each)]]),
    ...firstFew(strays, (stray): Row[] => [['beside', `${strayText(stray)}: no part of the log`]]),
    ...firstFew(damage, damageRows),
    ...firstFew(odd, (line) => [['odd', oddText(line)]]),
  ];
}

function okText(wentBack: boolean): string {
  return `ok: ${wentBack ? 'all that is here is whole, but see the note' : 'nothing acknowledged is missing'}`;
}

function isOf(range: MissingRange, { kind, from, to }: SurveyedDamage): boolean {
  return kind === 'missing' && from === range.from && to === range.to;
}

function oddText({ verdict, segment, offset, length, cause, seq }: OddLine): string {
  const what = [verdict, ...(seq === undefined ? [] : [`entry ${seq}`]), ...(cause ? [`(${cause})`] : [])];
  return `${what.join(' ')} at ${segment} byte ${offset}, ${count(length, 'byte')}`;
}
