import type { Catcher, Mutant } from './mutant.ts';

/** What the engine as it is must pass: all that catches the mutants, as far as it goes for any of them. */
export function controls(mutants: readonly Mutant[]): Catcher[] {
  const widest = new Map<string, Catcher>();
  for (const { caughtBy } of mutants) {
    const key = keyOf(caughtBy);
    const known = widest.get(key);
    if (known === undefined || sizeOf(caughtBy) > sizeOf(known)) widest.set(key, caughtBy);
  }
  return [...widest.values()].sort((a, b) => sizeOf(b) - sizeOf(a));
}

function keyOf(catcher: Catcher): string {
  if (catcher.by === 'sim') return 'sim';
  return catcher.by === 'crash' ? `crash ${catcher.workload}` : `test ${catcher.file} ${catcher.test}`;
}

/** More is tried where it is larger. */
function sizeOf(catcher: Catcher): number {
  if (catcher.by === 'sim') return catcher.seeds;
  return catcher.by === 'crash' ? 1 : 0;
}
