import { WalError } from '../errors/errors.ts';
import type { Doubt, Missing } from '../format/chain.ts';
import { segmentName } from '../format/names.ts';
import type { DamageCause } from '../format/verdict.ts';

const CAUSES: Readonly<Record<DamageCause, string>> = {
  'carriage-return': 'it ends in a carriage return, as after a git checkout with autocrlf',
  'byte-order-mark': 'it begins with a byte-order mark, as some editors write',
  'merge-conflict': 'it is a merge conflict marker',
  'too-long': 'it is longer than any line of a log',
  'not-a-record': 'it is not a record of a log',
  'checksum-mismatch': 'its bytes are not those its checksum was made of',
};

/** In words, what a cause of damage means. */
export function damageInWords(cause: DamageCause): string {
  return CAUSES[cause];
}

const VERIFY = 'Run "jsonl-wal verify" for the whole picture.';
const SAVE =
  'What is left can be read past the damage ("jsonl-wal read --on-damage skip") and appended to a new log.';
/** Without the markers the lines of one side are superseded, as a writer leaves them that appended its entries again. */
const MERGE =
  'Do not just delete the markers: the log would read well, without the entries of the other side. Take one side whole ("git checkout --ours"), then append the entries of the other side again: DURABILITY.md has the commands.';

/** The error for reading past trouble, or appending after it. `verified`: it is told by verify itself. */
export function troubleError(trouble: Missing | Doubt, firstSeq: number, verified = false): WalError {
  const segment = segmentName(firstSeq);
  const where = `${segment}, byte ${trouble.offset}`;
  const facts = { segment, offset: trouble.offset };
  const merge = trouble.kind === 'doubt' && trouble.cause === 'merge-conflict';
  const advice = [...(verified ? [] : [VERIFY]), merge ? MERGE : SAVE].join(' ');
  if (trouble.kind === 'missing') {
    const { from, to } = trouble;
    const which = from === to ? `Entry ${from} is` : `Entries ${from} to ${to} are`;
    return new WalError(
      'ERR_WAL_CORRUPT',
      `${which} missing, though acknowledged: the line at ${where} says that they were synced. ${advice}`,
      { ...facts, seq: from, cause: 'missing' },
    );
  }
  return new WalError(
    'ERR_WAL_CORRUPT',
    `The line at ${where} is damaged: ${damageInWords(trouble.cause)}. Nothing follows that tells whether it had been acknowledged (as entry ${trouble.seq}). ${advice}`,
    { ...facts, seq: trouble.seq, cause: trouble.cause },
  );
}

/** The error for a segment that does not follow what came before it. */
export function foreignSegmentError(firstSeq: number): WalError {
  return new WalError(
    'ERR_WAL_DIVERGED',
    `${segmentName(firstSeq)} does not follow what came before it: it is from another log, or an older copy. Put the right file back.`,
    { segment: segmentName(firstSeq), offset: 0, seq: firstSeq },
  );
}
