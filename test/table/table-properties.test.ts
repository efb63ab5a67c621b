import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lastData, type Table, Wal } from '../../src/index.ts';
import { chooseSeed } from '../../src/lab/seeded.ts';
import { inScratch } from '../support/scratch.ts';

const OPTIONS = { segmentBytes: 4096, durability: 'os', fold: lastData } as const;

/** The log as a plain Map, and what a run of commands is made of. */
interface Model {
  readonly items: Map<string, { data: unknown; version: number; rev: number }>;
  seq: number;
}

interface Real {
  readonly directory: string;
  wal: Wal;
  table: Table;
  readonly other: Wal;
}

type Command = fc.AsyncCommand<Model, Real>;

function put(model: Model, id: string, data: unknown): void {
  const rev = ++model.seq;
  model.items.set(id, { data, version: (model.items.get(id)?.version ?? 0) + 1, rev });
}

function drop(model: Model, id: string): void {
  model.seq++;
  model.items.delete(id);
}

async function assertSame(model: Model, { table }: Real): Promise<void> {
  await table.refresh();
  const items = table.list().map(({ id, value, version, rev }) => [id, { data: value, version, rev }]);
  const wanted = [...model.items].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(items, wanted);
  assert.deepEqual([table.size, table.seq], [model.items.size, model.seq]);
}

function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      await run(model, real);
      await assertSame(model, real);
    },
    toString: () => name,
  };
}

const ids = fc.constantFrom('a', 'b', 'é', '__proto__', 'c"\\');
// The long one ends a segment every other time.
const values = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant('x'.repeat(2000)));
const writers = fc.constantFrom('wal', 'other');

const COMMANDS: fc.Arbitrary<Command>[] = [
  fc.tuple(ids, values, writers).map(([id, data, by]) =>
    command(`${by} appends ${JSON.stringify([id, data])}`, async (model, real) => {
      await real[by as 'wal' | 'other'].append({ op: 'set', id, data });
      put(model, id, JSON.parse(JSON.stringify(data)));
    }),
  ),
  fc.tuple(ids, writers).map(([id, by]) =>
    command(`${by} deletes ${id}`, async (model, real) => {
      await real[by as 'wal' | 'other'].append({ op: 'delete', id });
      drop(model, id);
    }),
  ),
  fc.tuple(ids, values).map(([id, data]) =>
    command(`updates ${JSON.stringify([id, data])}`, async (model, real) => {
      const before = model.items.get(id)?.data ?? null;
      const item = await real.table.update(id, (value = null) => [value, data]);
      put(model, id, JSON.parse(JSON.stringify([before, data])));
      assert.equal(item?.rev, model.seq);
    }),
  ),
  fc.tuple(ids, ids, values).map(([from, to, data]) =>
    command(`moves ${from} to ${to} with ${JSON.stringify(data)}`, async (model, real) => {
      const moved = await real.table.transaction((tx) => {
        if (!tx.delete(from)) return false;
        tx.set(to, data);
        return true;
      });
      assert.equal(moved, model.items.has(from));
      if (!moved) return;
      drop(model, from);
      put(model, to, JSON.parse(JSON.stringify(data)));
    }),
  ),
  fc.tuple(ids, fc.boolean()).map(([id, right]) =>
    command(`appends ${id} at ${right ? 'its' : 'another'} rev`, async (model, real) => {
      const rev = model.items.get(id)?.rev ?? 0;
      const append = real.wal.append({ op: 'set', id, data: 1 }, { expect: { rev: right ? rev : rev + 1 } });
      if (!right) return assert.rejects(append, { code: 'ERR_WAL_CONFLICT', rev });
      await append;
      put(model, id, 1);
    }),
  ),
  fc.tuple(ids, ids, values, writers).map(([added, deleted, data, by]) =>
    command(
      `${by} appends ${JSON.stringify([added, data])} and deletes ${deleted} at once`,
      async (model, real) => {
        await real[by as 'wal' | 'other'].appendBatch([
          { op: 'set', id: added, data },
          { op: 'delete', id: deleted },
        ]);
        put(model, added, JSON.parse(JSON.stringify(data)));
        drop(model, deleted);
      },
    ),
  ),
  fc.constant(
    command('asks for the state as it is', async (model, real) => {
      const { seq, items } = await real.other.stateAt(model.seq);
      await real.table.refresh();
      assert.deepEqual([seq, items], [model.seq, real.table.list()]);
    }),
  ),
  fc.tuple(writers, fc.constantFrom(1, 2)).map(([by, retain]) =>
    command(`${by} compacts, and retains ${retain}`, async (model, real) => {
      const { seq } = await real[by as 'wal' | 'other'].compact({ fold: lastData, retain });
      assert.equal(seq, model.seq);
    }),
  ),
  fc.constant(
    command('reopens', async (_, real) => {
      await real.wal.close();
      real.wal = await Wal.open(real.directory, OPTIONS);
      real.table = await real.wal.table();
    }),
  ),
];

test('whatever is appended, updated, deleted, compacted, by this Wal and another, and however often it is opened: a table is as a plain Map', async (t) => {
  const seed = chooseSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const property = fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 40 }), async (commands) => {
    await inScratch('model', async (directory) => {
      const wal = await Wal.open(directory, OPTIONS);
      const other = await Wal.open(directory, OPTIONS);
      const real: Real = { directory, wal, table: await wal.table(), other };
      try {
        await fc.asyncModelRun(() => ({ model: { items: new Map(), seq: 0 }, real }), commands);
      } finally {
        await real.wal.close();
        await other.close();
      }
    });
  });
  await fc.assert(property, { seed: seed | 0, numRuns: 60, endOnFailure: false });
});
