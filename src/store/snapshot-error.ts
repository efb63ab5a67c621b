import type { Damage } from '../errors/damage.ts';
import { WalError } from '../errors/errors.ts';
import { snapshotName } from '../format/names.ts';

/** Entries of which nothing is left. */
export interface Gone {
  readonly from: number;
  readonly to: number;
}

/** What is gone with the snapshot at `seq`: entries that were acknowledged, as its name tells. */
export function snapshotDamage(seq: number, { from, to }: Gone): Damage {
  const segment = snapshotName(seq);
  const evidence = { segment, offset: 0, synced: seq };
  const held = { from, to, records: to - from + 1, exact: true };
  return { kind: 'damaged', segment, offset: 0, length: 0, ...held, acknowledged: 'yes', evidence };
}

const ADVICE =
  'Put that file back from a backup, or make the log of what is left: "jsonl-wal repair --mode salvage" (with --dry-run, it only says what it would do).';

/**
 * The error for a snapshot that is damaged, where nothing stands in for it. `gone`: the entries that were compacted into it,
 * or undefined where segments lie there that reading goes on with, and only appending cannot.
 */
export function snapshotError(location: string, seq: number, gone: Gone | undefined): WalError {
  const segment = snapshotName(seq);
  const facts = { segment, offset: 0, cause: 'snapshot' } as const;
  if (gone === undefined) {
    const why = `Its name tells that the numbers up to ${seq} were given, and no segment leads to ${seq + 1}: an append could give one again.`;
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
    `${segment} in ${location} is damaged, and nothing stands in for it: the state of ${entries} compacted into it, cannot be read. ${ADVICE}`,
    { ...facts, seq: from, damage: snapshotDamage(seq, gone) },
  );
}
