/// <reference types="node" preserve="true" />

export type { BackupFiles, BackupOptions, BackupReport } from './copy/backup.ts';
export type { RestoreOptions, RestoreReport } from './copy/restore.ts';
export type { Acknowledged, Damage, DamageCause, Evidence } from './errors/damage.ts';
export {
  ERROR_CODES,
  type Holder,
  type Outcome,
  WalError,
  type WalErrorCode,
  type WalErrorDetails,
} from './errors/errors.ts';
export type { Head } from './format/chain.ts';
export type { Entry } from './format/entry.ts';
export type { NotedRewind, Rewind } from './format/mark.ts';
export type { OrderKey } from './format/order.ts';
export type { Values } from './format/plain-copy.ts';
export type { LogRecord } from './format/record.ts';
export type { Stray, StrayKind } from './format/strays.ts';
export type { Verdict } from './format/verdict.ts';
export { createLock } from './lock/create.ts';
export { type LockFitness, lockFitness } from './lock/fitness.ts';
export type { Lock } from './lock/lock.ts';
export { LOCK_KINDS, type LockKind } from './lock/record.ts';
export { type LockStatus, lockStatus, setLockKind } from './lock/status.ts';
export type { SurveyedDamage } from './log/damage-survey.ts';
export type { AppendResult, Expectation } from './log/pending.ts';
export type { Times, WalStats } from './log/stats.ts';
export type { MissingRange, OddLine, VerifyReport } from './log/verify.ts';
export type { Durability, Limits } from './options/options.ts';
export type {
  ConvertedLines,
  EditedLine,
  LostRange,
  RepairOptions,
  RepairReport,
  SurveyedInvalidLine,
} from './repair/model.ts';
export type { WalClock, WalOptions } from './setup/options.ts';
export type {
  AppendOptions,
  FollowOptions,
  ReadOptions,
  RevExpectation,
  StatsOptions,
  VerifyOptions,
} from './setup/requests.ts';
export type { StoreInfo } from './store/store.ts';
export type { AutoCompactOptions } from './table/auto-compact.ts';
export type { CompactOptions, CompactReport } from './table/compact.ts';
export { type Fold, IGNORED, lastData } from './table/fold.ts';
export type { Item } from './table/item.ts';
export type { Change } from './table/overlay.ts';
export type { Moment, PastState } from './table/past.ts';
export type { Filter, Where } from './table/selection.ts';
export type { Table, TableOptions, TransactionOptions, UpdateOptions, WatchOptions } from './table/table.ts';
export type { NotPromise, Transaction } from './table/transaction.ts';
export type { WalInfo } from './wal/parts.ts';
export { forgetRewinds, notedRewinds } from './wal/rewinds.ts';
export { Wal } from './wal/wal.ts';
