import { ADVICE, type Damage, type DamageCause } from '../errors/damage.ts';
import { WalError } from '../errors/errors.ts';
import type { Doubt, Missing } from '../format/chain.ts';
import { segmentName } from '../format/names.ts';
import type { SurveyedLine } from '../format/survey.ts';

const CAUSES: Readonly<Record<DamageCause, string>> = {
  'carriage-return': 'it ends in a carriage return, as after a git checkout with autocrlf',
  'byte-order-mark': 'it begins with a byte-order mark, as some editors write',
  'utf-16': 'it is UTF-16, as some editors and PowerShell write',
  'white-space': 'it begins or ends in a space or a tab, as an editor may leave',
  'merge-conflict': 'it is a merge conflict marker',
  'missing-newlines':
    'whole lines in it have lost the newlines that ended them, as an editor or a script may leave',
  'too-long': 'it is longer than any line of a log',
  'not-a-record': 'it is not a record of a log',
  'checksum-mismatch': 'its bytes do not match its checksum, as after an edit by hand, or on a failing disk',
};

/** Without the markers, the lines of one side would be superseded, as if their writer had written them again. */
const MERGE =
  'Do not just delete the markers: the log would be valid without the entries of the other side. "jsonl-wal repair --mode salvage" keeps the entries of both; DURABILITY.md says how to take one side and append the other\'s entries again.';

/** The error for reading past corruption, or appending after it. `verified`: verify itself reports it. */
export function corruptionError(corruption: Missing | Doubt, firstSeq: number, verified = false): WalError {
  const segment = segmentName(firstSeq);
  const where = `${segment}, byte ${corruption.offset}`;
  const facts = { segment, offset: corruption.offset };
  const merge = corruption.kind === 'doubt' && corruption.cause === 'merge-conflict';
  const advice = [...(verified ? [] : [ADVICE.verify]), merge ? MERGE : ADVICE.repair].join(' ');
  const damage = damageOf(corruption, segment);
  const { from } = damage;
  const remains = [
    from > 1 ? `The entries before, up to entry ${from - 1}, can be read.` : 'No entry comes before.',
    ...beyondText(corruption),
  ].join(' ');
  if (corruption.kind === 'missing') {
    const { doubt } = corruption;
    const { to = from } = damage;
    const which = from === to ? `Entry ${from} is` : `Entries ${from} to ${to} are`;
    const proof = `the line at ${where} says that ${from === to ? 'it was' : 'they were'} synced.`;
    const what =
      doubt === undefined
        ? `${which} missing, though acknowledged: ${proof}`
        : `${which} damaged or missing, though acknowledged: the line at ${placeText(segment, doubt)} is damaged: ${CAUSES[doubt.cause]}; ${proof}`;
    const details = { ...facts, seq: from, cause: 'missing', damage };
    return new WalError('ERR_WAL_CORRUPT', `${what} ${remains} ${advice}`, details);
  }
  return new WalError(
    'ERR_WAL_CORRUPT',
    `The line at ${placeText(segment, corruption)} is damaged: ${CAUSES[corruption.cause]}. No later line says whether it had been acknowledged (as entry ${corruption.seq}). ${remains} ${advice}`,
    { ...facts, seq: corruption.seq, cause: corruption.cause, damage },
  );
}

function placeText(segment: string, { offset, line }: Doubt): string {
  return `${segment}, byte ${offset}${line === undefined ? '' : ` (line ${line})`}`;
}

/** What follows the damage in this segment. */
function beyondText({ beyond }: Missing | Doubt): string[] {
  if (beyond === undefined) return [];
  const { from, to } = beyond;
  const which =
    from === to
      ? `Entry ${from} comes after it, is whole, and does`
      : `Entries ${from} to ${to} come after it, are whole, and do`;
  return [
    `${which} not count, because what comes before is missing: "jsonl-wal repair --mode salvage" keeps what is whole.`,
  ];
}

/** What is known where reading stopped: verify reads on, and may narrow it down. */
function damageOf(corruption: Missing | Doubt, segment: string): Damage {
  const doubt = corruption.kind === 'doubt' ? corruption : corruption.doubt;
  const place =
    doubt === undefined
      ? { kind: 'missing' as const, offset: corruption.offset, length: 0 }
      : {
          kind: 'damaged' as const,
          offset: doubt.offset,
          length: doubt.length + 1,
          cause: doubt.cause,
          ...(doubt.line !== undefined && { line: doubt.line }),
        };
  const { beyond } = corruption;
  if (corruption.kind === 'doubt') {
    const from = corruption.seq;
    const held = beyond === undefined ? { records: 0 } : { to: beyond.from - 1, records: beyond.from - from };
    return { ...place, segment, from, ...held, exact: false, acknowledged: 'unknown' };
  }
  const { from, offset, to: synced } = corruption;
  const to = Math.min(synced, (beyond?.from ?? Infinity) - 1);
  const held = { from, to, records: to - from + 1, exact: false };
  return { ...place, segment, ...held, acknowledged: 'yes', evidence: { segment, offset, synced } };
}

/** The error for a segment that does not follow what precedes it. */
export function foreignSegmentError(firstSeq: number): WalError {
  const segment = segmentName(firstSeq);
  return new WalError(
    'ERR_WAL_DIVERGED',
    `${segment} does not follow what came before it: it is from another log, or an older copy. Put the right file back, or continue with what is left ("jsonl-wal doctor" says how).`,
    { segment, offset: 0, seq: firstSeq, damage: foreignDamage(segment, firstSeq) },
  );
}

function foreignDamage(segment: string, from: number): Damage {
  const nothing = { records: 0, exact: false, acknowledged: 'unknown' } as const;
  return { kind: 'foreign', segment, offset: 0, length: 0, line: 1, from, ...nothing };
}

/** The error for entries in whole lines that do not count; undefined where there are none. */
export function passedOverError(lines: readonly SurveyedLine[]): WalError | undefined {
  const [first] = lines;
  if (first === undefined) return undefined;
  const { segment, offset, seq } = first;
  const count = lines.reduce((sum, line) => sum + line.count, 0);
  const what = count === 1 ? 'An entry in a whole line does' : `${count} entries in whole lines do`;
  return new WalError(
    'ERR_WAL_CORRUPT',
    `${what} not count: the first is at ${segment}, byte ${offset}. They are from another branch, as after a merge whose conflict was edited away, or what they follow was removed, or the seal after them is lost. Reading and appending continue without them; "jsonl-wal repair --mode salvage" keeps them.`,
    { segment, offset, seq, cause: 'passed-over' },
  );
}
