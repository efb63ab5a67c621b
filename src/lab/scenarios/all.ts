import type { Scenario } from '../scenario.ts';
import appendSpeed from './append-speed.ts';
import batchAtomicity from './batch-atomicity.ts';
import cacheInvalidation from './cache-invalidation.ts';
import cleanupDuringAppend from './cleanup-during-append.ts';
import clearLocksWhileActive from './clear-locks-while-active.ts';
import compactionDuringAppend from './compaction-during-append.ts';
import compareHead from './compare-head.ts';
import concurrentWriters from './concurrent-writers.ts';
import configChange from './config-change.ts';
import consistency from './consistency.ts';
import createDelete from './create-delete.ts';
import diskFull from './disk-full.ts';
import failingSync from './failing-sync.ts';
import handleCleanup from './handle-cleanup.ts';
import highVolume from './high-volume.ts';
import issueTracker from './issue-tracker.ts';
import killStorm from './kill-storm.ts';
import lockExpiry from './lock-expiry.ts';
import lockSerialization from './lock-serialization.ts';
import lockTokenMismatch from './lock-token-mismatch.ts';
import lockVandal from './lock-vandal.ts';
import noDataLoss from './no-data-loss.ts';
import noLock from './no-lock.ts';
import optimisticResolution from './optimistic-resolution.ts';
import orphanedLock from './orphaned-lock.ts';
import pauseStorm from './pause-storm.ts';
import querySpeed from './query-speed.ts';
import rapidSequential from './rapid-sequential.ts';
import readHeavy from './read-heavy.ts';
import readersDuringWrite from './readers-during-write.ts';
import reservations from './reservations.ts';
import rotationStorm from './rotation-storm.ts';
import sameProcessTwice from './same-process-twice.ts';
import smoke from './smoke.ts';
import soak from './soak.ts';
import staleReader from './stale-reader.ts';
import thunderingHerd from './thundering-herd.ts';
import toctou from './toctou.ts';
import tooManyFiles from './too-many-files.ts';
import tornWrites from './torn-writes.ts';
import transactionIsolation from './transaction-isolation.ts';
import triedAgain from './tried-again.ts';

/** Every scenario that comes with the package. */
export const SCENARIOS: readonly Scenario[] = [
  noDataLoss,
  lockSerialization,
  appendSpeed,
  smoke,
  concurrentWriters,
  readHeavy,
  optimisticResolution,
  cacheInvalidation,
  handleCleanup,
  reservations,
  readersDuringWrite,
  cleanupDuringAppend,
  consistency,
  transactionIsolation,
  toctou,
  configChange,
  compactionDuringAppend,
  batchAtomicity,
  highVolume,
  createDelete,
  querySpeed,
  rapidSequential,
  sameProcessTwice,
  lockExpiry,
  lockTokenMismatch,
  clearLocksWhileActive,
  orphanedLock,
  thunderingHerd,
  staleReader,
  noLock,
  issueTracker,
  killStorm,
  pauseStorm,
  tornWrites,
  lockVandal,
  diskFull,
  tooManyFiles,
  failingSync,
  compareHead,
  triedAgain,
  rotationStorm,
  soak,
];
