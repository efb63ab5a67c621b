import { relative } from 'node:path';
import type { TestContext } from 'node:test';
import { chooseSeed } from '../../src/lab/seeded.ts';

/** The seed of a test: TEST_SEED, or one that is new every time. Prints the command that runs the test's file with that seed again. */
export function seedOf(t: TestContext): number {
  const seed = chooseSeed();
  t.diagnostic(repeatWith(seed));
  return seed;
}

/** The command that runs this process's test file with that seed again. */
export function repeatWith(seed: number): string {
  return `TEST_SEED=${seed} node --test ${relative(process.cwd(), process.argv[1] as string)}`;
}
