import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Result, type RunEvidence, runScenario } from '../../src/lab/index.ts';
import type { Contender } from './contenders.ts';
import { type Damage, damageOf } from './damage.ts';
import type { Fault } from './faults.ts';

/** What became of one contender under one fault. */
export interface Trial {
  readonly fault: string;
  readonly contender: string;
  readonly seed: number;
  /** Why there is no damage to tell of. */
  readonly skipped?: string;
  /** Why it could not be made. */
  readonly failed?: string;
  readonly damage?: Damage;
  /** From the common start to the last answer. */
  readonly seconds?: number;
}

/** After this long, whoever still runs is ended, unless the fault says otherwise. */
const PATIENCE_MS = 20_000;

export async function runTrial(
  { name: fault, options, scenarioFor }: Fault,
  { name: contender, target, lock, settings }: Contender,
  place: { readonly directory: string; readonly seed: number },
): Promise<Trial> {
  const { seed } = place;
  const scenario = scenarioFor(target);
  if (typeof scenario === 'string') return { fault, contender, seed, skipped: scenario };
  const unable = scenario.needs.filter((ability) => !target.can.includes(ability));
  if (unable.length > 0) return { fault, contender, seed, skipped: `offers no ${unable.join(', no ')}` };
  const directory = join(place.directory, 'trial');
  let evidence: RunEvidence | undefined;
  const watched = {
    ...scenario,
    settings: { ...scenario.settings, [target.name]: { ...scenario.settings?.[target.name], ...settings } },
    results: (found: RunEvidence) => {
      evidence = found;
      return [];
    },
  };
  try {
    const result: Result = await runScenario(watched, {
      timeoutMs: PATIENCE_MS,
      ...options,
      target,
      lock,
      seed,
      directory,
    });
    return {
      fault,
      contender,
      seed,
      damage: damageOf(evidence as unknown as RunEvidence),
      seconds: result.seconds,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
