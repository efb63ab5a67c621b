import { type Clock, wholeDate } from '../clock/clock.ts';
import { YieldBudget } from '../clock/yield-budget.ts';
import { openFileStore } from '../file/open.ts';
import type { FoldIdentity } from '../format/fold-identity.ts';
import { Stats } from '../log/stats.ts';
import type { Limits } from '../options/options.ts';
import type { Environment } from '../setup/environment.ts';
import { type ResolvedOptions, resolveOptions, type WalOptions } from '../setup/options.ts';
import { resolveDirectory } from '../storage/directory.ts';
import type { LineStore, StoreInfo } from '../store/store.ts';
import { observeLock } from './observe-lock.ts';
import { makeSession, type Session } from './session.ts';

/** What a Wal is made of, besides its store. */
export interface WalParts extends Limits, WalSettings {
  readonly clock: Clock;
  /** How long appends may block this thread. */
  readonly budget: YieldBudget;
  readonly stats: Stats;
  readonly session: Session;
}

type WalSettings = Pick<ResolvedOptions, 'readOnly' | 'keyWindow' | 'fold' | 'autoCompact' | 'onRewound'>;

/** What a Wal says about its log and about itself. */
export interface WalInfo extends StoreInfo {
  /** Among how many of the log's last entries an idempotency key is looked for, as far as this Wal has read the log. */
  readonly keyWindow: number;
  /** The first entry whose key the next append would be compared with, as far as this Wal has read the log. */
  readonly keysFrom: number;
  /** The log's fold, as far as this Wal has read the log's lines and snapshots; undefined where they name none. */
  readonly fold?: FoldIdentity | undefined;
  readonly limits: Limits;
}

/** Opens the store of a log in a directory, with the parts of the Wal that uses it. */
export async function openParts(
  environment: Environment,
  directory: string,
  options: WalOptions,
): Promise<{ readonly store: LineStore; readonly parts: WalParts }> {
  const place = resolveDirectory(directory);
  const resolved = resolveOptions(options);
  const { now, onLockWait } = resolved;
  const clock = now ? { ...environment.clock, now: () => wholeDate(now) } : environment.clock;
  const budget = new YieldBudget(clock, resolved.blockMs);
  const stats = new Stats();
  const session = makeSession(environment);
  const store = await openFileStore({
    ...environment,
    ...resolved,
    clock,
    budget,
    directory: place,
    observe: observeLock(stats, session, onLockWait),
    warn: (message, code) => process.emitWarning(message, { code }),
  });
  return { store, parts: { ...resolved, clock, budget, stats, session } };
}
