/** What clients are: processes, threads of one process, or a new process for each step. */
export type ClientKind = 'processes' | 'threads' | 'one-shot';

/** The numbers of a scenario that are its own, by name. */
export type Params = Readonly<Record<string, number>>;

/** A client as faults see it. Its methods throw ERR_WAL_ARGUMENT for a client that is no process of its own. */
export interface Victim {
  readonly name: string;
  readonly role: string;
  /** Between two processes, too; false once it has made its last step. */
  readonly running: boolean;
  /** Whether the process that it has now got something acknowledged, as far as it has told. */
  readonly active: boolean;
  /** Stopped by `stop`, and not continued yet. */
  readonly stopped: boolean;
  /** kill -9. It is started again, and goes on with the step after the one that it was in. Answers whether it was alive. */
  kill(): boolean;
  /** Stops it, as SIGSTOP does, until `resume`. */
  stop(): void;
  /** Continues it, whatever stopped it. */
  resume(): void;
}

/** What the processes of its clients may have at most. */
export interface ProcessLimits {
  /** The longest file, in KiB. */
  readonly fileKiB?: number;
  /** Open files. */
  readonly openFiles?: number;
}

/** A line of the results, for people. */
export type ResultLine = readonly [name: string, value: number | string];
