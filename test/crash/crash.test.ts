import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect } from '../disk/effect.ts';
import { tryCorruptions } from './corruption-workloads.ts';
import { explore, record } from './explore.ts';
import { APPEND, WORKLOADS } from './workloads.ts';

/** Of what `npm run crash` tries, so much as is quick. */
const SMALL = { levels: 1, oneByOne: 2 } as const;
/** The dearest, of which less is tried. */
const LARGE: ReadonlySet<string> = new Set([
  'compaction',
  'durable follower',
  'salvage while others write',
  'unsynced',
]);

for (const workload of WORKLOADS.filter(({ name }) => name !== 'automatic compaction')) {
  test(`a crash at any moment of "${workload.name}", whatever it leaves of what was not synced: nothing acknowledged is lost, and the log goes on`, async (t) => {
    const bounds = LARGE.has(workload.name) ? { ...SMALL, oneByOne: 1 } : SMALL;
    const { points, tried, distinct, faults } = await explore(await record(workload), bounds);
    t.diagnostic(`${points} crash points, ${tried} states tried, ${distinct} distinct`);
    assert.deepEqual(faults, []);
  });
}

test('a line that was synced and is lost all the same: what later lines prove of it is told, and nobody appends before it is repaired', async (t) => {
  const { tried, faults } = await tryCorruptions(await record(APPEND));
  t.diagnostic(`${tried} states tried`);
  assert.deepEqual(faults, []);
});

test('a crash in the recovery from a crash loses nothing either', async () => {
  for (const workload of WORKLOADS.filter(({ name }) => ['first open', 'batch'].includes(name)))
    assert.deepEqual((await explore(await record(workload), { oneByOne: 2 })).faults, []);
});

for (const what of ['files', 'names']) {
  test(`a disk that says it has synced ${what}, and has not, is found out`, async () => {
    const recorded = await record(APPEND);
    const directories = new Set(
      recorded.effects.map((effect) => (effect.kind === 'made' && effect.directory ? effect.inode : 0)),
    );
    const lies = ({ inode }: { readonly inode: number }) => directories.has(inode) === (what === 'names');
    const effects = recorded.effects.map(
      (effect): Effect => (effect.kind === 'synced' && lies(effect) ? { ...effect, before: 0 } : effect),
    );
    const { faults } = await explore({ ...recorded, effects }, { ...SMALL, mostFaults: 1 });
    assert.equal(faults.length, 1);
  });
}

test('a disk that syncs nothing more once the log is there: the entries that it acknowledged are missed by name', async () => {
  const recorded = await record(APPEND);
  const begun = recorded.effects.findIndex(({ kind }) => kind === 'note');
  const effects = recorded.effects.map(
    (effect, number): Effect =>
      effect.kind === 'synced' && number > begun ? { ...effect, before: 0 } : effect,
  );
  const { faults } = await explore({ ...recorded, effects }, { ...SMALL, mostFaults: 1 });
  assert.deepEqual(faults[0]?.faults, ['bd-1 was acknowledged as entry 1, and is lost']);
});
