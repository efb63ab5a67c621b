import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Change,
  type Fold,
  IGNORED,
  lastData,
  type Table,
  Wal,
  type WalOptions,
} from '../../src/index.ts';
import { runHere } from '../../src/lab/command-line.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';
import { inLog, SMALL, stateOf } from '../support/small-log.ts';

/** A sum, of which nothing but `add` is a part. */
const adding: Fold<number, number> = {
  name: 'adding',
  version: 1,
  apply: (sum = 0, { op, data = 0 }) => (op === 'add' ? sum + data : IGNORED),
};

function inSum(body: (table: Table<number>, wal: Wal, directory: string) => Promise<void>): Promise<void> {
  const options: WalOptions = { ...SMALL, fold: adding };
  return inLog('ignored', async (wal, directory) => body(await wal.table<number>(), wal, directory), options);
}

const add = (data: number) => ({ op: 'add', id: 'a', data });
const note = { op: 'note', id: 'a', data: 'by' };

test('a record that the fold ignores changes neither value, rev, version nor ts, and is told to no watcher', () =>
  inSum(async (table, wal, directory) => {
    const watching = table.watch();
    await wal.append({ ...add(5), ts: 10 });
    const item = { id: 'a', rev: 1, ts: 10, value: 5, version: 1 };
    await wal.append({ ...note, ts: 20 });
    await wal.appendBatch([note, { ...note, id: 'b' }]);
    assert.deepEqual([table.item('a'), table.seq, table.has('b')], [item, 4, false]);
    await wal.append(add(0));
    const changes = [(await watching.next()).value, (await watching.next()).value];
    assert.deepEqual(
      changes.map((change) => [change?.seq, change?.before?.rev, change?.after?.rev]),
      [
        [1, undefined, 1],
        [5, 1, 5],
      ],
    );
    await wal.append(note);
    // From a snapshot, and from the lines after it.
    await wal.compact({ retain: 1 });
    await wal.append(note);
    const reader = await Wal.open(directory, { readOnly: true, fold: adding });
    const { rev, version } = (await reader.table<number>()).item('a') ?? {};
    await reader.close();
    assert.deepEqual([rev, version], [5, 2]);
  }));

test('a record that leaves an id absent that was not there is told to no watcher', async () => {
  const leases: Fold<string, string> = {
    ...{ name: 'leases', version: 1 },
    apply: (_, { op, data }) => (op === 'claim' ? data : undefined),
  };
  const told = async (wal: Wal) => {
    const table = await wal.table<string>();
    const watching = table.watch();
    for (const op of ['release', 'claim', 'release', 'release', 'claim'])
      await wal.append({ op, id: 'a', data: 'x' });
    const changes: Change<string>[] = [];
    for (let i = 0; i < 3; i++) changes.push((await watching.next()).value as Change<string>);
    assert.deepEqual(
      changes.map(({ seq, before, after }) => [seq, before?.rev, after?.rev]),
      [
        [2, undefined, 2],
        [3, 2, undefined],
        [5, undefined, 5],
      ],
    );
  };
  await inLog('ignored', told, { ...SMALL, fold: leases });
});

test('a holder expects the rev it read though others appended what the fold ignores; an equal value raises the rev', () =>
  inSum(async (_, wal) => {
    await wal.append(add(5));
    await wal.append(note);
    // In one write with it, too.
    const [, claimed] = await Promise.all([wal.append(note), wal.append(add(0), { expect: { rev: 1 } })]);
    assert.equal(claimed.seq, 4);
    await assert.rejects(wal.append(add(0), { expect: { rev: 1 } }), { code: 'ERR_WAL_CONFLICT', rev: 4 });
    await wal.append({ op: 'delete', id: 'a' });
    await wal.append(add(1), { expect: { rev: 4 } });
  }));

test('what a transaction writes answers the item that results, and delete whether the id is gone', () =>
  inSum(async (table) => {
    const answers = await table.transaction((tx) => [
      tx.delete('a'),
      tx.set('a', 3),
      tx.append(add(3))?.value,
      tx.set('a', 7)?.rev,
      tx.delete('a'),
      tx.append(add(3)),
    ]);
    const item = { id: 'a', rev: 5, ts: table.item('a')?.ts, value: 6, version: 2 };
    assert.deepEqual(answers, [false, undefined, 3, 2, false, item]);
    assert.deepEqual(table.item('a'), item);
    assert.deepEqual(await table.update('a', () => 9), item);
    assert.equal(table.seq, 6);
  }));

test('the default fold ignores that an id is deleted which is not there, and a delete of one that is takes it away', () =>
  inLog(
    'ignored',
    async (wal, directory) => {
      const table = await wal.table();
      const watching = table.watch();
      await wal.append({ op: 'delete', id: 'a' });
      await wal.append({ op: 'add', id: 'a' }, { expect: { rev: 0 } });
      assert.equal((await watching.next()).value?.seq, 2);
      assert.equal(await table.transaction((tx) => tx.delete('a')), true);
      assert.deepEqual(await stateOf(directory), []);
    },
    { fold: lastData },
  ));

test('a fold from a module of a copy of the package is understood on the command line', () =>
  inScratch('ignored', async (directory) => {
    const module = join(directory, 'fold.mjs');
    const index = new URL('jsonl-wal.js', `file://${packageRoot()}/dist/`).href;
    const apply = "(sum = 0, { op, data }) => (op === 'add' ? sum + data : IGNORED)";
    writeFileSync(
      module,
      `import { IGNORED } from '${index}';\nexport default { name: 'adding', version: 1, apply: ${apply} };\n`,
    );
    const run = (...args: string[]) => runHere(directory, args);
    await run('init', '--fold', module);
    const append = (op: string, ...more: string[]) => run('append', '--op', op, '--id', 'a', ...more);
    await append('add', '--data', '2');
    await append('note');
    const expecting = ['--expect-rev', '1', '--fold', module];
    assert.equal((await append('add', '--data', '0', ...expecting)).stdout, '3\n');
    assert.equal((await append('add', '--data', '0', ...expecting)).code, 3);
    const other = await append('add', '--expect-rev', '3');
    assert.match(
      other.stderr,
      /the log's fold, "adding" version 1, and this Wal was given none: .*ERR_WAL_FOLD/,
    );
    assert.match((await run('init', '--fold', 'last-data')).stderr, /The log's fold is adding/);
  }));

const tables = async (wal: Wal, count: number, options = {}) => {
  const all: Table[] = [];
  for (let i = 0; i < count; i++) all.push(await wal.table(options));
  return all;
};

test('tables of one fold, and what expects a rev, fold each record once', async () => {
  let applied = 0;
  const counting: Fold<number> = { name: 'counting', version: 1, apply: (n = 0) => ++applied && n + 1 };
  await inLog(
    'one-state',
    async (wal) => {
      await wal.append({ op: 'add', id: 'a' });
      const [one, two] = (await tables(wal, 2)) as [Table, Table];
      const [three] = await tables(wal, 1, { fold: counting });
      await wal.append({ op: 'add', id: 'a' }, { expect: { rev: 1 } });
      assert.deepEqual([one.get('a'), two.get('a'), three?.get('a'), applied], [2, 2, 2, 2]);
      // The others go on without one that was closed, twice.
      one.close();
      one.close();
      await wal.append({ op: 'add', id: 'a' }, { expect: { rev: 2 } });
      assert.throws(() => one.get('a'), { code: 'ERR_WAL_CLOSED' });
      two.close();
      assert.deepEqual([three?.get('a'), await three?.refresh(), applied], [3, 3, 3]);
      // Another object is another fold, whatever its name.
      const [other] = await tables(wal, 1, { fold: { ...counting, apply: () => 0 } });
      assert.equal(other?.get('a'), 0);
    },
    { fold: counting },
  );
});

test('a table that is opened beside one whose fold failed is loaded again, and both go on', async () => {
  let fails = false;
  const fold: Fold<number> = {
    name: 'failing',
    version: 1,
    apply(n = 0) {
      if (fails) throw new Error('no');
      return n + 1;
    },
  };
  await inLog('one-state', async (wal) => {
    const [one] = (await tables(wal, 1, { fold })) as [Table];
    fails = true;
    await wal.append({ op: 'add', id: 'a' });
    await assert.rejects(one.refresh(), { code: 'ERR_WAL_FOLD' });
    await assert.rejects(wal.table({ fold }), { code: 'ERR_WAL_FOLD' });
    fails = false;
    const [two] = (await tables(wal, 1, { fold })) as [Table];
    assert.deepEqual([one.get('a'), two.get('a')], [1, 1]);
  });
});

test('expect.rev of a log whose fold nobody named, or is not the Wal’s, is refused, and says what to open it with', () =>
  inScratch('rev-fold', async (directory) => {
    const attempt = async (options: WalOptions, rev = 0) => {
      const wal = await Wal.open(directory, { ...SMALL, ...options });
      try {
        return await wal.append({ op: 'set', id: 'a', data: 1 }, { expect: { rev } }).then(({ seq }) => seq);
      } finally {
        await wal.close();
      }
    };
    const refused = (message: RegExp) => ({ code: 'ERR_WAL_FOLD', outcome: 'not-written', message });
    await assert.rejects(attempt({}), refused(/none is recorded: .*fold: lastData/));
    assert.equal(await attempt({ fold: lastData }), 2);
    // A Wal knows that one by itself.
    assert.equal(await attempt({}, 2), 3);
    await assert.rejects(
      attempt({ fold: adding }),
      refused(/fold, "last-data" version 1, and this Wal's is "adding"/),
    );
  }));

test('expect.rev goes by the fold that is recorded when its turn comes, by another Wal or a snapshot', () =>
  inLog('rev-fold', async (wal, directory) => {
    const set = (rev: number) => wal.append({ op: 'set', id: 'a', data: 1 }, { expect: { rev } });
    await wal.append({ op: 'set', id: 'a' });
    await wal.compact({ fold: lastData, retain: 1 });
    assert.equal((await set(1)).seq, 2);
    const later = await Wal.open(directory, {
      ...SMALL,
      fold: { ...lastData, version: 2, upgrade: (value) => value },
    });
    await later.close();
    await assert.rejects(set(2), {
      code: 'ERR_WAL_FOLD',
      message: /"last-data" version 2, and this Wal was/,
    });
  }));
