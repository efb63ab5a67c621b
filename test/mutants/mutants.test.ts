import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../support/scratch.ts';
import { attempt } from './attempt.ts';
import { compiled, edited } from './copy.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

const named = (wanted: string) => MUTANTS.find(({ name }) => name === wanted) as Mutant;

test('what each mutant changes is in the compiled engine just once, and the rule it breaks is told where it says', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const { name, told, edits } of MUTANTS) {
    for (const edit of edits) {
      const text = readFileSync(compiled(packageRoot(), edit), 'utf8');
      assert.doesNotThrow(() => edited(text, edit), name);
    }
    const [page, heading] = told.split(': ') as [string, string];
    const docs = readFileSync(join(packageRoot(), 'docs', `${page}.md`), 'utf8');
    assert.ok(docs.includes(`\n## ${heading}\n`), `${name}: ${told}`);
  }
});

test('an engine that acknowledges before it syncs is caught, and the engine as it is is not', async () => {
  const { edits, caughtBy } = named('no-sync');
  const [mutant, control] = [await attempt(edits, caughtBy), await attempt([], caughtBy)];
  assert.equal(mutant.verdict, 'caught', mutant.fault);
  assert.match(mutant.fault as string, /bd-1 was acknowledged as entry 1, and is lost$/);
  assert.equal(control.verdict, 'clean', control.fault);
});

test('an engine that fails where nothing goes wrong shows nothing, nor does an edit that no longer applies', async () => {
  const { caughtBy } = named('no-sync');
  const file = 'log/appender';
  const edit = { file, find: 'return this.group.make(', replace: "throw new Error('at once'); (" };
  const broken = await attempt([edit], caughtBy);
  assert.deepEqual(
    [broken.verdict, broken.fault],
    ['worthless', 'it fails at once: WalError: The append failed: at once'],
  );
  const stale = await attempt([{ ...edit, find: 'no such text' }], caughtBy);
  assert.deepEqual(
    [stale.verdict, stale.fault],
    ['worthless', 'it no longer applies: "no such text" is 0 times in log/appender.js'],
  );
});
