import type { Decision } from './decisions.ts';
import { shrink } from './shrink.ts';
import { simulate, type WorldOptions, type WorldReport } from './world.ts';

const MOST_TRIES = 3000;

/** A world that failed, and the least of it that still does. */
export interface Shrunk {
  /** The world with what is left of its decisions. */
  readonly report: WorldReport;
  /** Which of the decisions of the world as its seed makes it those are, by number. */
  readonly kept: readonly number[];
  /** What happens there, line by line. */
  readonly story: readonly string[];
}

/** Leaves out of a world that failed whatever it fails without, as far as so many tries lead. */
export async function shrinkWorld(
  options: WorldOptions,
  failed: WorldReport,
  mostTries = MOST_TRIES,
): Promise<Shrunk> {
  const kind = kindOf(failed);
  const attempt = async (decisions: readonly Decision[]) => {
    const report = await simulate({ ...options, decisions });
    return kindOf(report) === kind ? report.decisions : undefined;
  };
  const decisions = await shrink(failed.decisions, attempt, mostTries);
  const story: string[] = [];
  const report = await simulate({ ...options, decisions, tell: (line) => story.push(line) });
  const numbers = new Map(failed.decisions.map((decision, number) => [keyOf(decision), number]));
  return { report, kept: decisions.map((decision) => numbers.get(keyOf(decision)) as number), story };
}

/** What the first fault is, whoever it befell; undefined where there is none. */
function kindOf({ faults: [fault] }: WorldReport): string | undefined {
  return fault
    ?.replace(/\S*\d\S*/g, '#')
    .split(':')
    .slice(0, 3)
    .join(':');
}

function keyOf(decision: Decision): string {
  return JSON.stringify(decision);
}

/** The world of a seed with those of its decisions alone. */
export async function keeping(options: WorldOptions, kept: readonly number[]): Promise<WorldReport> {
  const { decisions } = await simulate({ ...options, tell: undefined });
  return simulate({ ...options, decisions: decisions.filter((_, number) => kept.includes(number)) });
}
