import { loadOwnTarget } from '../../lab/own-target.ts';
import type { Target } from '../../lab/target.ts';
import { TARGETS } from '../../lab/targets/all.ts';
import { usageError } from '../failure.ts';
import { suggestion } from '../nearest.ts';

const DEFAULT_TIMEOUT_SECONDS = 120;
/** What is no name, but leads to a module. */
const MODULE = /[\\/]|\.[mc]?[jt]s$/;

/** Whether it is the user's own that is named: by the path of its module. */
export function isOwn(given: string): boolean {
  return MODULE.test(given);
}

/** The target of that name, or of the module there. Throws ERR_WAL_ARGUMENT where there is none, or it is of no use. */
export async function targetOf(
  given: string,
  timeout: number = DEFAULT_TIMEOUT_SECONDS,
  signal: AbortSignal,
): Promise<Target> {
  const target = TARGETS.find(({ name }) => name === given);
  if (target !== undefined) return target;
  if (isOwn(given)) return loadOwnTarget(given, { timeoutMs: timeout * 1000, signal });
  const names = TARGETS.map(({ name }) => name);
  const near = suggestion(given, names) || `; there are ${names.join(', ')}.`;
  throw usageError(
    `There is no target ${JSON.stringify(given)}${near} A module of your own is named by its path, such as ./my-store.js.`,
  );
}
