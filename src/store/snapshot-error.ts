import type { Damage } from '../errors/damage.ts';
import { WalError } from '../errors/errors.ts';
import { snapshotName } from '../format/names.ts';

/** A range of entries of which nothing is left. */
export interface Gone {
  readonly from: number;
  readonly to: number;
}

/**
 * The damage where the snapshot at `seq` cannot be read. Its name proves that the entries it covers were
 * acknowledged.
 */
export function snapshotDamage(seq: number, { from, to }: Gone): Damage {
  const segment = snapshotName(seq);
  const evidence = { segment, offset: 0, synced: seq };
  const held = { from, to, records: to - from + 1, exact: true };
  return { kind: 'damaged', segment, offset: 0, length: 0, ...held, acknowledged: 'yes', evidence };
}

const ADVICE =
  'Put that file back from a backup, or rebuild the log from what is left with "jsonl-wal repair --mode salvage" (--dry-run only reports what it would do).';

/**
 * The error for a damaged snapshot that nothing replaces. `gone`: the entries that were compacted into it;
 * undefined if segments that can be read remain and only appending is refused.
 */
export function snapshotError(location: string, seq: number, gone: Gone | undefined): WalError {
  const segment = snapshotName(seq);
  const facts = { segment, offset: 0, cause: 'snapshot' } as const;
  if (gone === undefined) {
    const why = `Its name says that all numbers up to ${seq} are taken, and no segment leads to ${seq + 1}: an append could use one of them again.`;
    return new WalError(
      'ERR_WAL_CORRUPT',
      `${segment} in ${location} is damaged. ${why} The entries that are there can be read. ${ADVICE}`,
      { ...facts, seq },
    );
  }
  const { from, to } = gone;
  const entries = from === to ? `entry ${from}, which was` : `entries ${from} to ${to}, which were`;
  return new WalError(
    'ERR_WAL_CORRUPT',
    `${segment} in ${location} is damaged, and nothing replaces it: the state of ${entries} compacted into it, cannot be read. ${ADVICE}`,
    { ...facts, seq: from, damage: snapshotDamage(seq, gone) },
  );
}
