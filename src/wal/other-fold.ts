import { type FoldIdentity, foldLabel } from '../format/fold-identity.ts';

/** Warns where a state was made by another fold than the one that the log's compactions keep. Answers whether it warned. */
export function warnOfOtherFold(
  recorded: FoldIdentity | undefined,
  { name, version }: FoldIdentity,
): boolean {
  if (recorded === undefined || (recorded.name === name && recorded.version <= version)) return false;
  process.emitWarning(
    `this log's fold is ${foldLabel(recorded)}: the state that ${foldLabel({ name, version })} makes is not the log's own, and cannot be made once the log is compacted. If that was not meant, name the log's fold`,
    { code: 'WAL_FOLD' },
  );
  return true;
}
