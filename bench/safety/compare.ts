import { messageOf } from '../../src/errors/errors.ts';
import type { Contender } from './contenders.ts';
import type { Fault } from './faults.ts';
import { runTrial, type Trial } from './trial.ts';

export interface Comparison {
  readonly faults: readonly Fault[];
  readonly contenders: readonly Contender[];
  readonly only: RegExp;
  readonly seed: number;
  /** An existing directory, which is left as it was. */
  readonly directory: string;
}

/** Names a fault on a store, as `--only` finds it. */
export function pairName(fault: Pick<Fault, 'name'>, contender: Pick<Contender, 'name'>): string {
  return `${fault.name} / ${contender.name}`;
}

/** Why a store cannot take part here, such as how to install it; undefined where it can. */
export function whyAbsent({ target }: Contender): string | undefined {
  return target.missing?.();
}

/** Does each fault to each store that is here, one after the other; answers after each fault. */
export async function* compare({ faults, contenders, only, seed, directory }: Comparison): AsyncGenerator<{
  readonly fault: Fault;
  readonly trials: readonly Trial[];
}> {
  for (const fault of faults) {
    const trials: Trial[] = [];
    for (const contender of contenders) {
      if (whyAbsent(contender) !== undefined || !only.test(pairName(fault, contender))) continue;
      try {
        trials.push(await runTrial(fault, contender, { directory, seed }));
      } catch (error) {
        trials.push({ fault: fault.name, contender: contender.name, seed, failed: messageOf(error) });
      }
    }
    if (trials.length > 0) yield { fault, trials };
  }
}
