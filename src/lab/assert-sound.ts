import { pasteable, repeatCall } from './repeat.ts';
import { checkLines, type Result } from './result.ts';

/** Throws, with every fault and what repeats the run, unless the run was sound. */
export function assertSound(result: Result): void {
  if (result.ok) return;
  const failed = result.checks.filter(({ ok, timed }) => !ok && !timed);
  const where = result.directory === undefined ? '' : `Kept in ${result.directory}`;
  throw new Error(
    [
      `The scenario ${result.scenario} does not hold on ${result.settings.target}.`,
      ...checkLines({ checks: failed }),
      `Repeat it: ${pasteable(repeatCall(result))}`,
      where,
    ].join('\n'),
  );
}
