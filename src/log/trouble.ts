import type { Damage, DamageCause } from '../errors/damage.ts';
import { WalError } from '../errors/errors.ts';
import type { Doubt, Missing } from '../format/chain.ts';
import { segmentName } from '../format/names.ts';

const CAUSES: Readonly<Record<DamageCause, string>> = {
  'carriage-return': 'it ends in a carriage return, as after a git checkout with autocrlf',
  'byte-order-mark': 'it begins with a byte-order mark, as some editors write',
  'utf-16': 'it is UTF-16, as some editors and PowerShell write',
  'white-space': 'it begins or ends in a space or a tab, as an editor may leave',
  'merge-conflict': 'it is a merge conflict marker',
  'too-long': 'it is longer than any line of a log',
  'not-a-record': 'it is not a record of a log',
  'checksum-mismatch': 'its bytes are not those its checksum was made of',
};

const VERIFY = 'Run "jsonl-wal verify" for the whole picture.';
const SAVE =
  'What is left can be read past the damage ("jsonl-wal read --on-damage skip"); "jsonl-wal doctor" says how to mend the log.';
/** Without the markers the lines of one side are superseded, as a writer leaves them that appended its entries again. */
const MERGE =
  'Do not just delete the markers: the log would read well, without the entries of the other side. "jsonl-wal repair --mode salvage" keeps the entries of both; DURABILITY.md tells how to take one side and append the other\'s again.';

/** The error for reading past trouble, or appending after it. `verified`: it is told by verify itself. */
export function troubleError(trouble: Missing | Doubt, firstSeq: number, verified = false): WalError {
  const segment = segmentName(firstSeq);
  const where = `${segment}, byte ${trouble.offset}`;
  const facts = { segment, offset: trouble.offset };
  const merge = trouble.kind === 'doubt' && trouble.cause === 'merge-conflict';
  const advice = [...(verified ? [] : [VERIFY]), merge ? MERGE : SAVE].join(' ');
  const damage = damageOf(trouble, segment);
  const left = trouble.kind === 'missing' ? trouble.from - 1 : trouble.seq - 1;
  const remains =
    left > 0 ? `What comes before, up to entry ${left}, can be read.` : 'No entry comes before.';
  if (trouble.kind === 'missing') {
    const { from, to, doubt } = trouble;
    const which = from === to ? `Entry ${from} is` : `Entries ${from} to ${to} are`;
    const lies =
      doubt === undefined
        ? ''
        : ` Before it, at byte ${doubt.offset}, lies a damaged line: ${CAUSES[doubt.cause]}.`;
    return new WalError(
      'ERR_WAL_CORRUPT',
      `${which} missing, though acknowledged: the line at ${where} says that they were synced.${lies} ${remains} ${advice}`,
      { ...facts, seq: from, cause: 'missing', damage },
    );
  }
  return new WalError(
    'ERR_WAL_CORRUPT',
    `The line at ${where} is damaged: ${CAUSES[trouble.cause]}. Nothing follows that tells whether it had been acknowledged (as entry ${trouble.seq}). ${remains} ${advice}`,
    { ...facts, seq: trouble.seq, cause: trouble.cause, damage },
  );
}

/** What is known of it where reading stopped: verify reads on, and may tell it more narrowly. */
function damageOf(trouble: Missing | Doubt, segment: string): Damage {
  const doubt = trouble.kind === 'doubt' ? trouble : trouble.doubt;
  const place =
    doubt === undefined
      ? { kind: 'missing' as const, offset: trouble.offset, length: 0 }
      : {
          kind: 'damaged' as const,
          offset: doubt.offset,
          length: doubt.length + 1,
          cause: doubt.cause,
          ...(doubt.line !== undefined && { line: doubt.line }),
        };
  if (trouble.kind === 'doubt')
    return { ...place, segment, from: trouble.seq, records: 0, exact: false, acknowledged: 'unknown' };
  const { from, to, offset } = trouble;
  const evidence = { segment, offset, synced: to };
  return { ...place, segment, from, to, records: to - from + 1, exact: false, acknowledged: 'yes', evidence };
}

/** The error for a segment that does not follow what came before it. */
export function foreignSegmentError(firstSeq: number): WalError {
  const segment = segmentName(firstSeq);
  return new WalError(
    'ERR_WAL_DIVERGED',
    `${segment} does not follow what came before it: it is from another log, or an older copy. Put the right file back, or go on with what is left ("jsonl-wal doctor" says how).`,
    { segment, offset: 0, seq: firstSeq, damage: foreignDamage(segment, firstSeq) },
  );
}

function foreignDamage(segment: string, from: number): Damage {
  const nothing = { records: 0, exact: false, acknowledged: 'unknown' } as const;
  return { kind: 'foreign', segment, offset: 0, length: 0, line: 1, from, ...nothing };
}
