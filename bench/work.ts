import type { SubjectName } from './subjects.ts';

/** What a trial measured, by the names its section gives them: milliseconds (of the lab and of steps: microseconds), per second, megabytes, bytes, per cent, or a ratio. */
export type Figures = Readonly<Record<string, number>>;

/** What is to be done, as a section of the plan says it; sent to child processes as JSON. */
export type Settings =
  | {
      readonly kind: 'crowd';
      readonly processes: number;
      /** Of each process. */
      readonly appends: number;
      readonly inFlight: number;
    }
  | {
      readonly kind: 'calls';
      readonly of: 'append' | 'record';
      readonly inFlight: number;
      readonly times: number;
    }
  | {
      readonly kind: 'steps';
      /** For each step. */
      readonly ms: number;
    }
  | { readonly kind: 'flood'; readonly appends: number }
  | {
      readonly kind: 'replay';
      readonly records: number;
      /** How many are in one line. */
      readonly batch: number;
    }
  | { readonly kind: 'reading'; readonly records: number }
  | {
      readonly kind: 'stopped-holder';
      readonly others: number;
      readonly stoppedMs: number;
      readonly lockTimeoutMs: number;
    }
  | { readonly kind: 'killed-holder'; readonly times: number }
  | {
      readonly kind: 'opening';
      readonly smallBytes: number;
      readonly largeBytes: number;
      readonly times: number;
    }
  | { readonly kind: 'load'; readonly ids: number; readonly reads: 'one' | 'all' }
  | { readonly kind: 'refresh'; readonly times: number }
  | {
      readonly kind: 'server';
      readonly others: number;
      /** What the option is set to, one after the other. */
      readonly blockMs: readonly string[];
      /** For each. */
      readonly ms: number;
    }
  | { readonly kind: 'followers'; readonly many: number; readonly appends: number }
  | { readonly kind: 'idle-follower'; readonly ms: number; readonly appends: number }
  | {
      readonly kind: 'update';
      readonly processes: number;
      readonly updates: number;
      readonly inFlight: number;
    }
  | { readonly kind: 'claim'; readonly workers: number; readonly jobs: number }
  | { readonly kind: 'compaction'; readonly writers: number; readonly records: number }
  | { readonly kind: 'churn'; readonly cycles: number }
  | {
      readonly kind: 'tracker';
      readonly issues: number;
      /** What share of them is open. */
      readonly open: number;
      readonly changes: number;
      readonly times: number;
    }
  | { readonly kind: 'starting'; readonly times: number }
  | { readonly kind: 'large'; readonly bytes: number; readonly times: number }
  | { readonly kind: 'harness'; readonly appends: number }
  | { readonly kind: 'history'; readonly operations: number };

export type Kind = Settings['kind'];
export type SettingsOf<K extends Kind> = Extract<Settings, { kind: K }>;

/** One trial's order: by whom, where, and what. */
export interface Task<K extends Kind = Kind> {
  readonly subject: SubjectName;
  /** A directory for this subject; a new one for each trial, unless the work prepares it once. */
  readonly directory: string;
  readonly settings: SettingsOf<K>;
}

/** What a child process is started with. */
export interface Job<K extends Kind = Kind> extends Task<K> {
  readonly role: string;
  /** Tells the processes of one trial apart, and seeds what they append. */
  readonly seed: number;
}

/** The child's end of the channel to its parent. */
export interface Link {
  say(message: unknown): void;
  hear(): Promise<unknown>;
}

/** A kind of work: how a trial of it goes, and the parts that child processes play in it. */
export interface Work<K extends Kind> {
  /** Done once for a subject, whose trials then share the directory. */
  prepare?(task: Task<K>): Promise<void>;
  trial(task: Task<K>): Promise<Figures>;
  /** A role's answer is sent to the parent. */
  readonly roles: Readonly<Record<string, (job: Job<K>, link: Link) => Promise<unknown>>>;
}
