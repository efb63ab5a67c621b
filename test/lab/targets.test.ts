import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertSound,
  type Result,
  type RunOptions,
  runScenario,
  type Scenario,
} from '../../src/lab/index.ts';
import concurrentWriters from '../../src/lab/scenarios/concurrent-writers.ts';
import lockExpiry from '../../src/lab/scenarios/lock-expiry.ts';
import noDataLoss from '../../src/lab/scenarios/no-data-loss.ts';
import reservations from '../../src/lab/scenarios/reservations.ts';
import tornWrites from '../../src/lab/scenarios/torn-writes.ts';
import transactionIsolation from '../../src/lab/scenarios/transaction-isolation.ts';
import { TARGETS } from '../../src/lab/targets/all.ts';
import appendFile from '../../src/lab/targets/append-file.ts';
import lockedAppendFile from '../../src/lab/targets/locked-append-file.ts';
import nodeSqlite from '../../src/lab/targets/node-sqlite.ts';
import { inScratch } from '../support/scratch.ts';

function tried(scenario: Scenario, options: RunOptions): Promise<Result> {
  return inScratch('targets', (directory) =>
    runScenario(scenario, { directory: `${directory}/run`, ...options }),
  );
}

function failed({ checks }: Result): string[] {
  return checks.filter(({ ok, timed }) => !ok && !timed).map(({ name }) => name);
}

const here = TARGETS.filter(({ missing }) => missing?.() === undefined);
const withoutConflicts = { ...concurrentWriters, checks: [] };

describe('with one client, and nobody to be kept apart from, it holds on every target:', () => {
  for (const target of here) {
    for (const scenario of [noDataLoss, reservations, withoutConflicts]) {
      test(`${target.name}: ${scenario.name}`, async () =>
        assertSound(await tried(scenario, { target, as: 'threads', clients: 1, iterations: 6 })));
    }
  }
});

describe('a target with a lock holds with several clients:', () => {
  for (const target of here.filter(({ locks }) => locks[0] !== 'none')) {
    for (const scenario of [reservations, transactionIsolation]) {
      test(`${target.name}: ${scenario.name}`, async () =>
        assertSound(await tried(scenario, { target, as: 'threads', clients: 3, iterations: 4 })));
    }
  }
});

for (const target of here.filter(({ can }) => can.includes('expect'))) {
  test(`${target.name}: what expects another rev is refused as a conflict, and what throws writes nothing`, () =>
    inScratch('targets', async (directory) => {
      const store = await target.open(directory, { lock: target.locks[0] as string });
      const entry = { op: 'add', id: 'bd-1', data: { by: 'test' } };
      await store.append(entry, { rev: 0 });
      const there = (await store.state?.())?.get('bd-1');
      await assert.rejects(store.append(entry, { rev: 0 }), (error) => {
        const { outcome, reason, rev = there?.rev } = target.blame?.(error) ?? {};
        assert.deepEqual(
          { outcome, reason, rev },
          { outcome: 'refused', reason: 'conflict', rev: there?.rev },
        );
        return true;
      });
      const failing = store.transaction?.((tx) => {
        tx.append(entry);
        throw new Error('made for a test');
      });
      await assert.rejects(failing as Promise<unknown>, /made for a test/);
      await store.append({ ...entry, op: 'delete' }, { rev: there?.rev as number });
      const ops: string[] = [];
      for await (const { op } of store.read()) ops.push(op);
      assert.deepEqual(ops, ['add', 'delete']);
      assert.deepEqual([...((await store.state?.())?.items() ?? [])], []);
      await store.close();
    }));
}

test(
  'where another has the lock of SQLite for too long, a write is refused as busy',
  { skip: !here.includes(nodeSqlite) },
  () =>
    inScratch('targets', async (directory) => {
      const open = () => nodeSqlite.open(directory, { lock: 'sqlite', settings: { busyMs: 1 } });
      const [first, second] = [await open(), await open()];
      const entry = { op: 'add', id: 'bd-1', data: {} };
      let other: Promise<unknown> | undefined;
      await first.transaction?.((tx) => {
        tx.append(entry);
        other = second.append(entry);
        other.catch(() => {});
      });
      await assert.rejects(other as Promise<unknown>, (error) => {
        assert.deepEqual(nodeSqlite.blame?.(error), { outcome: 'refused', reason: 'busy' });
        return true;
      });
      await Promise.all([first.close(), second.close()]);
    }),
);

test('where a process dies in the middle of a line, append-file loses what is appended next, and says that a line is odd', async () => {
  const result = await tried(tornWrites, { target: appendFile, clients: 2, iterations: 1 });
  const faults = failed(result);
  assert.ok(faults.includes('every acknowledged append is there exactly once'), faults.join('; '));
  assert.ok(faults.includes('the store verifies clean'), faults.join('; '));
});

test('where a lock expires under its holder, locked-append-file gives a number twice, or ends the process', async () => {
  const scenario = { ...lockExpiry, settings: { 'locked-append-file': { stale: 2000 } } };
  const result = await tried(scenario, {
    target: lockedAppendFile,
    clients: 2,
    iterations: 2,
    params: { stopMs: 1 },
  });
  const faults = failed(result);
  const bitten = [
    'every number was given once, and none is missing',
    'every client ran to its end, and let go of everything',
  ];
  assert.ok(
    faults.some((fault) => bitten.includes(fault)),
    faults.join('; '),
  );
});

test('each target has a name of its own, and is the default export of its module', async () => {
  assert.equal(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length);
  assert.equal(TARGETS[0]?.name, 'jsonl-wal');
  for (const target of TARGETS) assert.equal((await import(target.module)).default, target);
});

test('where Node has no SQLite, opening it says which Node has', { skip: here.includes(nodeSqlite) }, () =>
  inScratch('targets', (directory) =>
    assert.rejects(
      nodeSqlite.open(directory, { lock: 'sqlite' }),
      /^Error: Node \d+\.\d+\.\d+ has no node:sqlite: it comes with Node 22\.13 and newer$/,
    ),
  ),
);
