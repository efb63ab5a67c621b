/// <reference types="node" preserve="true" />
/*
 * `jsonl-wal/lab`: scenarios of many writers at once, run on this package's log or on a store of one's own, and the checks
 * of what must hold then. For tests: nothing here is for use at work.
 */

export { assertSound } from './assert-sound.ts';
export { ALWAYS, HISTORY_CHECKS } from './checks/always.ts';
export { type Check, type CheckResult, makeCheck } from './checks/check.ts';
export type { Client } from './harness/client.ts';
export type { MemberReport } from './harness/member.ts';
export type { LabEvent, RunOptions } from './harness/options.ts';
export type {
  Draft,
  DraftTerms,
  Look,
  RecordedStore,
  RecordedTransaction,
  Tally,
} from './harness/recorded-store.ts';
export { runScenario } from './harness/run.ts';
export type { Act, TurnMoment } from './harness/turn-probe.ts';
export { type Machine, machineOf } from './machine.ts';
export type { ClientKind, Params, ProcessLimits, ResultLine, Victim } from './model.ts';
export type { Entries } from './operations/entries.ts';
export type { Ids } from './operations/ids.ts';
export { instant } from './operations/instant.ts';
export {
  type Expected,
  type Head,
  type Operation,
  type OperationKind,
  type OperationOutcome,
  type RangeSight,
  type Sight,
  type StateSight,
  tagOf,
  type Written,
  writerOf,
} from './operations/operation.ts';
export { type Findings, nameOf, RunEvidence } from './operations/run-evidence.ts';
export type { Mark, RunRecord, Turn } from './operations/run-record.ts';
export type { Run, Writes } from './operations/writes.ts';
export { repeatCall } from './repeat.ts';
export { makeReport } from './report/report.ts';
export type { ReportRun } from './report/run-section.ts';
export {
  checkLines,
  type Latency,
  type Result,
  type RunSettings,
  resultLines,
} from './result.ts';
export type { Role, Scenario, Scene } from './scenario.ts';
export { SCENARIOS } from './scenarios/all.ts';
export type { Dice } from './seeded.ts';
export {
  type Ability,
  type Appended,
  type Blame,
  type Found,
  type Oddity,
  type OpenOptions,
  type Probe,
  Refusal,
  type State,
  type Store,
  type StoreEntry,
  type StoreItem,
  type StoreTransaction,
  type Target,
  type Terms,
} from './target.ts';
export { TARGETS } from './targets/all.ts';
export { default as jsonFile } from './targets/json-file.ts';
export { default as jsonlWal } from './targets/jsonl-wal.ts';
export { ageLock } from './tools/age-lock.ts';
export { forgeOwner } from './tools/forge-owner.ts';
export { lockFaults } from './tools/lock-faults.ts';
export { orphanLock } from './tools/orphan-lock.ts';
export {
  type ContentionOptions,
  type ContentionReport,
  simulateContention,
} from './tools/simulate-contention.ts';
