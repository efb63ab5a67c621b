import type { SubjectName } from './subjects.ts';
import type { Settings } from './work.ts';

/** A column of a section's table. */
export interface Column {
  readonly figure: string;
  /** With its unit. */
  readonly title: string;
}

/** One piece of work, and all that are compared at it. */
export interface Section {
  readonly name: string;
  readonly settings: Settings;
  readonly columns: readonly Column[];
  readonly subjects: readonly SubjectName[];
  /** How often each takes its turn; they take turns, so that what slows the machine for a while slows all. */
  readonly rounds: number;
}

/** How much is measured: for figures to go by, or for a look. */
export interface Scale {
  readonly rounds: number;
  /** The same for the works on state, which take longer. */
  readonly stateRounds: number;
  /** What share of the appends of the long tables, and of those whose calls are counted. */
  readonly share: number;
  /** Appends called at once. */
  readonly flooding: number;
  readonly records: number;
  readonly kills: number;
  /** Bytes of the large log that is opened. */
  readonly largeBytes: number;
  readonly ids: number;
  /** Records in the log that is compacted while others append. */
  readonly compacted: number;
  /** Appends of a client of the lab. */
  readonly harnessed: number;
  /** Operations of the history that is checked. */
  readonly operations: number;
}

export const RATE: Column = { figure: 'rate', title: 'appends/s' };
export const LATENCY: readonly Column[] = [
  { figure: 'p50', title: 'p50 ms' },
  { figure: 'p99', title: 'p99 ms' },
  { figure: 'slowest', title: 'slowest ms' },
];
export const ELAPSED: Column = { figure: 'elapsed', title: 'elapsed ms' };
/** Unlike the rate, it hardly depends on what else the machine does. */
export const CPU: Column = { figure: 'cpu', title: 'CPU us' };
