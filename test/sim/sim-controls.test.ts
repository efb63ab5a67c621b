import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Storage, StorageFile } from '../../src/storage/storage.ts';
import { shrinkWorld } from './failure.ts';
import { shrink } from './shrink.ts';
import { simulate, type WorldReport } from './world.ts';

/** What the engine has for a disk, but for its files. */
function withFiles(change: (file: StorageFile) => Partial<StorageFile>): (storage: Storage) => Storage {
  return (storage) => ({
    ...storage,
    open: (path, access, mode) => {
      const file = storage.open(path, access, mode);
      return { ...file, ...change(file) };
    },
  });
}

/** `from`: the first seed that is tried. */
const BROKEN = [
  {
    what: 'an engine that syncs no file',
    from: 24,
    change: withFiles(() => ({ sync: async () => {}, syncNow: () => {} })),
  },
  {
    what: 'an engine that syncs no directory',
    from: 24,
    change: (storage: Storage) => ({ ...storage, syncDirectory: () => {} }),
  },
  {
    what: 'an engine that takes it that nobody else wrote',
    from: 3,
    change: withFiles(() => ({ endsAt: () => true })),
  },
  {
    what: 'an engine that looks away when a sync fails',
    from: 3020,
    change: withFiles((file) => ({
      sync: () => file.sync().catch(() => {}),
      syncNow: () => {
        try {
          file.syncNow();
        } catch {
          // It goes on as if nothing had happened.
        }
      },
    })),
  },
];

// What a simulated process would warn its user of is no news here.
process.removeAllListeners('warning');

const STEPS = 80;
const MOST_SEEDS = 100;
const MOST_TRIES = 600;
const MOST_DECISIONS = 25;

async function* failures(
  from: number,
  change: (storage: Storage) => Storage,
): AsyncGenerator<WorldReport, void> {
  for (let seed = from; seed < from + MOST_SEEDS; seed++) {
    const report = await simulate({ seed, steps: STEPS, change });
    if (report.faults.length > 0) yield report;
  }
}

for (const { what, from, change } of BROKEN) {
  test(`${what} is found out, and what it takes is told in few steps`, async (t) => {
    let fewest = Infinity;
    // Which of them a world can do without depends on where in it the fault lies.
    for await (const failed of failures(from, change)) {
      const options = { seed: failed.seed, steps: STEPS, change };
      const { report, kept, story } = await shrinkWorld(options, failed, MOST_TRIES);
      t.diagnostic(`seed ${failed.seed}: ${failed.decisions.length} decisions shrunk to ${kept.length}`);
      for (const line of story) t.diagnostic(line);
      assert.notDeepEqual(report.faults, []);
      fewest = Math.min(fewest, kept.length);
      if (fewest <= MOST_DECISIONS) break;
    }
    assert.ok(fewest <= MOST_DECISIONS, `${fewest} decisions are left`);
  });
}

test('a failing list is shrunk to just what it takes to fail', async () => {
  const all = Array.from({ length: 100 }, (_, i) => i);
  let tries = 0;
  const left = await shrink(
    all,
    async (list) => {
      tries++;
      return [3, 50, 51, 99].every((each) => list.includes(each)) ? list : undefined;
    },
    1000,
  );
  assert.deepEqual(left, [3, 50, 51, 99]);
  assert.ok(tries < 200, `${tries} tries`);
});
