import { messageOf } from '../errors/errors.ts';
import { load } from './harness/load.ts';
import type { TargetTrial, TrialAnswer } from './own-target.ts';
import { ABILITIES, type Store, type Target } from './target.ts';

/* Tries a target: loads its module, and opens a store of it in an empty directory. */

/** Methods of abilities that have not the ability's name. */
const METHODS: Readonly<Record<string, keyof Store>> = {
  batch: 'appendBatch',
  expect: 'append',
  turns: 'append',
  'wal-lock': 'append',
};

const { url, directory } = JSON.parse(process.argv[2] as string) as TargetTrial;
// Without who asks, nobody needs the answer.
process.on('disconnect', () => process.exit(1));

const say = (answer: TrialAnswer) => process.send?.(answer);
try {
  const target = await load<Target>(url);
  const problem = problemOf(target) ?? (await openedProblem(target));
  say(problem === undefined ? { kind: 'sound' } : { kind: 'unfit', message: problem });
} catch (error) {
  say({ kind: 'unfit', message: `${nameOf(error)}${messageOf(error)}${placeOf(error)}` });
}

/** What is missing in what the module exports. */
function problemOf({ name, about, locks, can, open }: Target): string | undefined {
  if (typeof name !== 'string' || name === '') return 'its `name` must be a text';
  if (typeof about !== 'string') return 'its `about` must be a text: a sentence on what it is';
  if (!isTexts(locks) || locks.length === 0)
    return "its `locks` must be a list of names, such as ['none'], the default first";
  if (!isTexts(can)) return `its \`can\` must be a list of what it can do: ${ABILITIES.join(', ')}`;
  const unknown = can.find((ability) => !ABILITIES.includes(ability));
  if (unknown !== undefined) return `its \`can\` names ${unknown}; there are ${ABILITIES.join(', ')}`;
  if (typeof open !== 'function') return 'its `open` must be a function';
  return undefined;
}

/** What is missing in a store that it opens. */
async function openedProblem(target: Target): Promise<string | undefined> {
  const store = await target.open(directory, { lock: target.locks[0] as string, settings: {} });
  const needed = ['append', 'read', 'close', ...target.can.map((ability) => METHODS[ability] ?? ability)];
  const missing = needed.filter((method) => typeof store?.[method as keyof Store] !== 'function');
  if (missing.length > 0) return `the store that it opens has no ${missing.join(', no ')}`;
  await store.close();
  return undefined;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** Whether it is a TypeError says much of a module that throws one. */
function nameOf(error: unknown): string {
  return error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
}

/** Where in the module it was thrown. */
function placeOf(error: unknown): string {
  const place = error instanceof Error && error.stack?.split('\n').find((line) => line.includes(url));
  const [at] = (place && /file:\S+?(:\d+)+/.exec(place)) || [];
  return at === undefined ? '' : ` (${at})`;
}
