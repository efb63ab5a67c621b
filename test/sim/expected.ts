import type { OperationName } from './decisions.ts';
import type { Climate } from './fault-rates.ts';

const known = new WeakMap<Climate, Map<string, ReadonlySet<string>>>();

/** What anything may be rejected with once a log has been damaged. */
export const OF_DAMAGE: ReadonlySet<string> = new Set([
  // A salvage without wal.json leaves a log that nobody compacts.
  'ERR_WAL_UNSUPPORTED',
  'ERR_WAL_COMPACTED',
  'ERR_WAL_CORRUPT',
  'ERR_WAL_DIVERGED',
  'ERR_WAL_FORMAT',
  'ERR_WAL_MISSING',
  'ERR_WAL_NOT_FOUND',
]);

/** The codes that something may be rejected with where that can go wrong: none beside. */
export function expectedOf(climate: Climate, doing: OperationName | 'open'): ReadonlySet<string> {
  const ofClimate = known.get(climate) ?? new Map<string, ReadonlySet<string>>();
  known.set(climate, ofClimate);
  const found = ofClimate.get(doing) ?? new Set(codesOf(climate, doing));
  ofClimate.set(doing, found);
  return found;
}

function* codesOf({ faultRates, lock, git }: Climate, doing: OperationName | 'open'): Generator<string> {
  if (doing === 'close') return;
  const { fails, full, jump, checkout, 'sync-fails': syncFails } = faultRates;
  if (doing !== 'open') yield 'ERR_WAL_CLOSED';
  // Somebody else made the log meanwhile, and raised its window, or has raised it further.
  if (doing === 'open' || doing === 'keyed') yield 'ERR_WAL_KEY_WINDOW';
  if (fails > 0) yield* ['ERR_WAL_IO', 'ERR_WAL_LATCHED', 'ERR_WAL_LOCK_UNAVAILABLE'];
  if (syncFails > 0) yield* ['ERR_WAL_SYNC', 'ERR_WAL_IO', 'ERR_WAL_LATCHED'];
  if (full > 0) yield 'ERR_WAL_NO_SPACE';
  if (lock.strict && lock.kind !== 'none') yield 'ERR_WAL_LOCK_TIMEOUT';
  if (['increment', 'transfer', 'expect', 'claim', 'glance'].includes(doing)) yield 'ERR_WAL_CONFLICT';
  if (['read', 'follow', 'backup', 'restore'].includes(doing)) yield 'ERR_WAL_COMPACTED';
  if (doing === 'tail' || doing === 'salvage') yield 'ERR_WAL_CONFLICT';
  if (doing === 'abort') yield 'ERR_WAL_ABORTED';
  if (git && doing === 'compact') yield 'ERR_WAL_UNSUPPORTED';
  // A wall clock that was set forward makes a file that is being made look left over.
  if (jump > 0 && doing === 'compact') yield 'ERR_WAL_NOT_FOUND';
  if (checkout > 0) yield* ['ERR_WAL_DIVERGED', 'ERR_WAL_NOT_FOUND'];
  // Written to a log that another took the place of, which has the key with another content.
  if (checkout > 0 && ['keyed', 'again', 'append'].includes(doing)) yield 'ERR_WAL_KEY_REUSED';
}
