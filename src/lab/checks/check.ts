import type { RunEvidence } from '../operations/run-evidence.ts';

/** Something that must hold after a run. */
export interface Check {
  /** What holds where it passes. */
  readonly name: string;
  /** It counts the clients' steps: it is left out where a duration, and not a number of steps, ended them. */
  readonly ofAllSteps?: true;
  /** Whether it can be made of that evidence: else it is left out. Default: it can. */
  readonly fits?: (evidence: RunEvidence) => boolean;
  /** A message for each fault; none where all is well. */
  readonly examine: (evidence: RunEvidence) => Iterable<string>;
}

/** A limit of time, which says as much of the machine as of the store: missing it is no failure. */
export interface TimeLimit extends Check {
  /** Where it was promised, so that missing it is a failure. Default: nowhere. */
  readonly promised?: (evidence: RunEvidence) => boolean;
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** How many faults there are. */
  readonly faults: number;
  /** The first of them. */
  readonly examples: readonly string[];
  /** True where it is a limit of time, which does not count. */
  readonly timed: boolean;
}

/** Takes the message of a fault. */
export type Fault = (message: string) => void;

/**
 * Makes an `examine` of a function that tells each fault at once. For checks that look at a million of things: V8 does not optimize
 * a generator while it runs, so that a loop in one takes twice as long.
 */
export function telling(tell: (evidence: RunEvidence, fault: Fault) => void): Check['examine'] {
  return (evidence) => {
    const faults: string[] = [];
    tell(evidence, (message) => faults.push(message));
    return faults;
  };
}

const MOST_EXAMPLES = 5;

export function makeCheck({ name, examine }: Check, evidence: RunEvidence, timed = false): CheckResult {
  const examples: string[] = [];
  let faults = 0;
  for (const fault of examine(evidence)) {
    faults++;
    if (examples.length < MOST_EXAMPLES) examples.push(fault);
  }
  return { name, ok: faults === 0, faults, examples, timed };
}
