import assert from 'node:assert/strict';
import fs, { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { foldIn, foldText } from '../../src/format/line-body.ts';
import { type Fold, lastData, Wal } from '../../src/index.ts';
import { changedEnvironment, changedFile, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';
import { files, fill, inLog, SEGMENT, SMALL, SNAPSHOT } from '../support/small-log.ts';
import { warningsIn } from '../support/warnings.ts';

const counting: Fold<number> = { name: 'counting', version: 1, apply: (count = 0) => count + 1 };
const IDENTITY = { name: 'counting', version: 1 };

/** Opens a log, asks something of it, and closes it. */
async function using<T>(directory: string, options: object, body: (wal: Wal) => T | Promise<T>): Promise<T> {
  const wal = await Wal.open(directory, { ...SMALL, ...options });
  try {
    return await body(wal);
  } finally {
    await wal.close();
  }
}

const recorded = (directory: string, options = {}) =>
  using(directory, options, async (wal) => {
    await wal.head();
    return wal.info().fold;
  });

test('a new log records the fold it is opened with in wal.json, and appends nothing', () =>
  inScratch('fold', async (directory) => {
    await using(directory, { fold: counting }, async (wal) => {
      assert.deepEqual(wal.info().fold, IDENTITY);
      assert.equal((await wal.head()).seq, 0);
    });
    assert.deepEqual(JSON.parse(readFileSync(join(directory, 'wal.json'), 'utf8')).fold, IDENTITY);
    assert.deepEqual(await recorded(directory), IDENTITY);
  }));

test('a log without a fold records the first one a writer names, once', () =>
  inScratch('fold', async (directory) => {
    await using(directory, {}, (wal) => fill(wal, 3));
    assert.equal(await recorded(directory), undefined);
    await using(directory, { fold: counting, readOnly: true }, () => {});
    assert.equal(await recorded(directory), undefined);
    await using(directory, { fold: counting }, async (wal) => assert.equal((await wal.head()).seq, 4));
    assert.deepEqual(await recorded(directory), IDENTITY);
    // Seals carry it to whoever begins to read after them.
    await using(directory, { fold: counting }, (wal) => fill(wal, 60));
    assert.ok(files(directory, SEGMENT).length > 2);
    await using(directory, { fold: counting }, async (wal) => assert.equal((await wal.head()).seq, 64));
    await using(directory, { fold: lastData }, async (wal) => assert.equal((await wal.head()).seq, 64));
    assert.deepEqual(await recorded(directory), IDENTITY);
    await using(directory, { fold: { ...counting, version: 2 } }, () => {});
    assert.deepEqual(await recorded(directory), { name: 'counting', version: 2 });
    await using(directory, { fold: counting }, async (wal) => {
      assert.equal((await wal.head()).seq, 65);
      await assert.rejects(wal.compact(), { code: 'ERR_WAL_FOLD', message: /"counting" version 2/ });
    });
  }));

test('of two writers that name folds at once the first is recorded, for both', () =>
  inScratch('fold', async (directory) => {
    await using(directory, {}, (wal) => fill(wal, 1));
    const wals = await Promise.all(
      [counting, lastData].map((fold) => Wal.open(directory, { ...SMALL, fold, lock: 'none' })),
    );
    const heads = await Promise.all(wals.map((wal) => wal.head()));
    assert.deepEqual(heads[0], heads[1]);
    assert.deepEqual(wals[0]?.info().fold, wals[1]?.info().fold);
    for (const wal of wals) await wal.close();
  }));

test('a compaction without a fold that somebody named is refused, and writes nothing', () =>
  inLog('fold', async (wal, directory) => {
    await fill(wal, 20);
    const before = files(directory, /./).map((name) => readFileSync(join(directory, name), 'latin1'));
    await assert.rejects(wal.compact({ retain: 1 }), {
      code: 'ERR_WAL_FOLD',
      message: /No fold is recorded/,
    });
    assert.deepEqual(
      files(directory, /./).map((name) => readFileSync(join(directory, name), 'latin1')),
      before,
    );
    await wal.compact({ fold: lastData });
    await fill(wal, 20, 21);
    assert.equal((await wal.compact()).made, true);
  }));

test('the seal of a compaction names its fold: who names another while the snapshot is made comes too late', () =>
  inScratch('fold', async (directory) => {
    await using(directory, {}, async (wal) => {
      await wal.append({ op: 'add', id: 'bd-1', data: 'x' });
      // Who names another one while the snapshot is made comes too late: what that one needs may be deleted next.
      let other: Promise<Wal> | undefined;
      let applied = 0;
      const apply: Fold['apply'] = (value, record) => {
        // The first time the fold is only tried.
        if (++applied === 2) other = Wal.open(directory, { ...SMALL, fold: counting });
        return lastData.apply(value, record);
      };
      const { made, seq } = await wal.compact({ fold: { ...lastData, apply }, retain: 1 });
      assert.deepEqual([made, seq], [true, 1]);
      const late = await (other as unknown as Promise<Wal>);
      assert.deepEqual([late.info().fold?.name, (await late.head()).seq], ['last-data', seq]);
      await assert.rejects(late.compact(), { code: 'ERR_WAL_FOLD', message: /"last-data" version 1/ });
      await late.close();
    });
  }));

/** Runs `meanwhile` once while a snapshot is written: after the last look at the log, before the snapshot has its name. */
function whileWriting(meanwhile: () => Promise<unknown>) {
  let begun: Promise<unknown> | undefined;
  const open: Storage['open'] = (path, access, as) => {
    const file = nodeStorage.open(path, access, as);
    if (!/snapshot-.*\.tmp$/.test(path) || access !== 'create') return file;
    const sync = async () => {
      begun ??= meanwhile();
      await begun;
      await file.sync();
    };
    return changedFile(file, { sync });
  };
  return changedEnvironment({ storage: changedStorage({ open }) });
}

test('a fold that is named while a snapshot is made, and nothing was to seal, keeps the entries that it needs', () =>
  inScratch('fold', async (directory) => {
    await using(directory, {}, (wal) => wal.append({ op: 'add', id: 'bd-1', data: 'x'.repeat(5000) }));
    const environment = whileWriting(() => using(directory, { fold: counting }, () => {}));
    const wal = await Wal.openIn(environment, directory, SMALL);
    const refused = { code: 'ERR_WAL_FOLD', message: /"counting" version 1/ };
    await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), refused);
    assert.equal((await wal.table({ fold: counting })).get('bd-1'), 1);
    await wal.close();
  }));

test('of two compactions with different folds and nothing to seal, the second snapshot does not replace the first', () =>
  inScratch('fold', async (directory) => {
    await using(directory, {}, (wal) => wal.append({ op: 'add', id: 'bd-1', data: 'x'.repeat(5000) }));
    const environment = whileWriting(() =>
      using(directory, {}, (other) => other.compact({ fold: counting })),
    );
    const wal = await Wal.openIn(environment, directory, SMALL);
    const refused = { code: 'ERR_WAL_FOLD', message: /"counting" version 1/ };
    await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), refused);
    assert.equal((await wal.table({ fold: counting })).get('bd-1'), 1);
    await wal.close();
  }));

test('a later version of a fold that is named while a snapshot is made keeps the entries that it needs', () =>
  inScratch('fold', async (directory) => {
    await using(directory, { fold: counting }, (wal) => fill(wal, 20));
    const later: Fold<number> = { ...counting, version: 2 };
    const environment = whileWriting(() => using(directory, { fold: later }, () => {}));
    const wal = await Wal.openIn(environment, directory, SMALL);
    const refused = { code: 'ERR_WAL_FOLD', message: /"counting" version 2/ };
    await assert.rejects(wal.compact({ fold: counting, retain: 1 }), refused);
    await wal.close();
    await using(directory, { fold: later }, async (other) => {
      assert.equal((await other.table<number>()).get('bd-1'), 2);
      assert.equal((await other.compact({ retain: 1 })).made, true);
    });
  }));

test('a fold that fails on the entries is not recorded, and another compacts', () =>
  inScratch('fold', async (directory) => {
    await using(directory, {}, async (wal) => {
      await fill(wal, 20);
      const before = files(directory, /./).map((name) => readFileSync(join(directory, name), 'latin1'));
      const failing = { ...counting, apply: () => assert.fail('not of this log') };
      const unordered = { ...counting, order: () => assert.fail('not of this log') };
      for (const fold of [failing, unordered])
        await assert.rejects(wal.compact({ fold: fold as Fold<unknown> }), { code: 'ERR_WAL_FOLD' });
      assert.deepEqual(
        files(directory, /./).map((name) => readFileSync(join(directory, name), 'latin1')),
        before,
      );
      assert.equal(wal.info().fold, undefined);
      assert.equal((await wal.compact({ fold: lastData })).made, true);
    });
  }));

test('a recorded fold is what another one may not compact, before the first snapshot', () =>
  inScratch('fold', async (directory) => {
    await using(directory, { fold: counting }, (wal) => fill(wal, 20));
    for (const fold of [undefined, lastData]) {
      await using(directory, {}, async (wal) => {
        await assert.rejects(wal.compact({ fold }), {
          code: 'ERR_WAL_FOLD',
          message: /"counting" version 1/,
        });
      });
    }
    assert.deepEqual(files(directory, SNAPSHOT), []);
    await using(directory, { fold: counting }, async (wal) => {
      assert.equal((await wal.compact({ retain: 1 })).made, true);
    });
  }));

test('a table of another fold works while all entries are there, and warns once', () =>
  inScratch('fold', async (directory) => {
    await using(directory, { fold: counting }, (wal) => fill(wal, 20));
    const warnings = await warningsIn('WAL_FOLD', () =>
      using(directory, { readOnly: true }, async (wal) => {
        for (let i = 0; i < 2; i++) assert.equal((await wal.table<{ n: number }>()).get('bd-1')?.n, 11);
        assert.equal((await wal.stateAt(20)).seq, 20);
      }),
    );
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] as string, /"counting" version 1.*"last-data" version 1/);
    const own = await warningsIn('WAL_FOLD', () =>
      using(directory, { fold: counting }, async (wal) => (await wal.table()).get('bd-1')),
    );
    assert.deepEqual(own, []);
  }));

test('autoCompact without a fold is refused', async () => {
  for (const autoCompact of [true, { ratio: 2 }]) {
    await assert.rejects(Wal.open('never-made', { autoCompact }), {
      code: 'ERR_WAL_ARGUMENT',
      message: /fold: lastData/,
    });
  }
});

test('a log that keeps its events is never compacted, and nor are its copies', () =>
  inScratch('fold', async (scratch) => {
    const [directory, copy] = [join(scratch, 'log'), join(scratch, 'copy')];
    const options = { keepEvents: true, fold: lastData, autoCompact: { minBytes: 4096, ratio: 0.01 } };
    await using(directory, options, (wal) => fill(wal, 100));
    await Wal.restore(directory, copy);
    writeFileSync(join(directory, 'wal.json'), '{"keepEvents":true,"fold":{"name":"last-data","version":1}');
    await Wal.repair(directory, { mode: 'salvage' });
    for (const each of [directory, copy]) {
      await using(each, { fold: lastData }, async (wal) => {
        await assert.rejects(wal.compact(), { code: 'ERR_WAL_UNSUPPORTED', message: /keepEvents/ });
      });
      assert.deepEqual(files(each, SNAPSHOT), []);
    }
  }));

test('a compaction looks again at wal.json, which may have changed since the log was opened', () =>
  inScratch('fold', async (scratch) => {
    const directory = join(scratch, 'log');
    const path = join(directory, 'wal.json');
    await using(directory, { fold: lastData }, (wal) => fill(wal, 100));
    const meta = JSON.parse(readFileSync(path, 'utf8'));
    await using(directory, { fold: lastData }, async (wal) => {
      const names = readdirSync(directory);
      for (const [text, code] of [
        [JSON.stringify({ ...meta, keepEvents: true }), 'ERR_WAL_UNSUPPORTED'],
        [JSON.stringify({ ...meta, id: '0123456789abcdef' }), 'ERR_WAL_DIVERGED'],
        ['{', 'ERR_WAL_FORMAT'],
        [undefined, 'ERR_WAL_FORMAT'],
      ] as const) {
        if (text === undefined) rmSync(path);
        else writeFileSync(path, text);
        await assert.rejects(wal.compact({ retain: 1 }), { code }, text);
        writeFileSync(path, JSON.stringify(meta));
        assert.deepEqual(readdirSync(directory), names, text);
      }
    });
    // An application that says so keeps them, also where wal.json was lost.
    await using(directory, { keepEvents: true, fold: lastData, autoCompact: true }, async (wal) => {
      await assert.rejects(wal.compact(), {
        code: 'ERR_WAL_UNSUPPORTED',
        message: /was opened with keepEvents/,
      });
    });
  }));

test('wal.json that changes while a compaction is under way keeps all that would be deleted', (t) =>
  inScratch('fold', async (scratch) => {
    const directory = join(scratch, 'log');
    await using(directory, { fold: lastData }, async (wal) => {
      await fill(wal, 100);
      const segments = files(directory, SEGMENT);
      const path = join(directory, 'wal.json');
      const meta = JSON.parse(readFileSync(path, 'utf8'));
      const { renameSync } = fs;
      t.mock.method(fs, 'renameSync', (from: string, to: string) => {
        renameSync(from, to);
        writeFileSync(path, JSON.stringify({ ...meta, id: '0123456789abcdef' }));
      });
      syncBuiltinESMExports();
      try {
        await assert.rejects(wal.compact({ retain: 1 }), { code: 'ERR_WAL_DIVERGED' });
      } finally {
        t.mock.restoreAll();
        syncBuiltinESMExports();
      }
      for (const name of segments) assert.ok(existsSync(join(directory, name)), name);
    });
  }));

for (const { left, made } of [
  { left: undefined, made: 'unknown' },
  { left: '{"format":"json', made: 'unknown' },
  { left: '{"format":"jsonl-wal","keepEvents":"unknown"}', made: 'unknown' },
  { left: '{"format":"jsonl-wal","keepEvents":tru', made: 'unknown' },
  { left: '{"format":"jsonl-wal","keepEvents":true,"key', made: true },
  { left: '{"format":"jsonl-wal","version":1}', made: undefined },
]) {
  test(`a salvage that finds ${left ?? 'no wal.json'} makes a log whose keepEvents is ${made}`, () =>
    inScratch('fold', async (directory) => {
      await using(directory, { keepEvents: made === true }, (wal) => fill(wal, 20));
      const path = join(directory, 'wal.json');
      if (left === undefined) nodeStorage.remove(path);
      else writeFileSync(path, left);
      const { reasons } = await Wal.repair(directory, { mode: 'salvage' });
      assert.equal(/not compacted until/.test(reasons.join()), made === 'unknown');
      const meta = JSON.parse(readFileSync(path, 'utf8'));
      assert.equal(meta.keepEvents, made);
      await using(directory, { fold: counting }, async (wal) => {
        if (made !== undefined) {
          await assert.rejects(wal.compact(), { code: 'ERR_WAL_UNSUPPORTED', message: /keepEvents/ });
          assert.deepEqual(files(directory, SNAPSHOT), []);
          writeFileSync(path, JSON.stringify({ ...meta, keepEvents: false }));
        }
        if (made !== true) assert.equal((await wal.compact()).made, true);
      });
    }));
}

test('a salvage without wal.json of a log that was compacted knows that it does not keep its events', () =>
  inScratch('fold', async (directory) => {
    await using(directory, { fold: counting }, async (wal) => {
      await fill(wal, 20);
      await wal.compact();
    });
    nodeStorage.remove(join(directory, 'wal.json'));
    assert.equal((await Wal.repair(directory, { mode: 'salvage' })).reasons.length, 1);
    await using(directory, { fold: counting }, async (wal) => {
      await fill(wal, 20, 21);
      assert.equal((await wal.compact()).made, true);
    });
  }));

test('restore, backup and salvage keep the recorded fold', () =>
  inScratch('fold', async (scratch) => {
    const directory = join(scratch, 'log');
    await using(directory, {}, (wal) => fill(wal, 20));
    await using(directory, { fold: counting }, async (wal) => {
      await fill(wal, 40);
      await wal.backup(join(scratch, 'backup'));
    });
    await Wal.restore(join(scratch, 'backup'), join(scratch, 'restored'));
    // The segment with the record is lost: the seals after it tell it.
    const [first] = files(directory, SEGMENT);
    const path = join(directory, first as string);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('"op":"add"', '"op":"sad"'));
    await Wal.repair(directory, { mode: 'salvage' });
    for (const name of ['restored', 'backup', 'log'])
      assert.deepEqual(await recorded(join(scratch, name), { readOnly: name === 'backup' }), IDENTITY, name);
  }));

test('a later version of a fold upgrades what an earlier one compacted', () =>
  inScratch('fold', async (directory) => {
    await using(directory, { fold: counting }, async (wal) => {
      for (let i = 0; i < 2; i++) {
        await fill(wal, 20, 1 + 20 * i);
        await wal.compact({ retain: 1 });
      }
      await fill(wal, 5, 41);
    });
    type Counted = { readonly count: number };
    const later: Fold<Counted> = {
      name: 'counting',
      version: 2,
      apply: (value) => ({ count: (value?.count ?? 0) + 1 }),
      order: ({ value }) => value.count,
    };
    const missing = { code: 'ERR_WAL_FOLD', message: /upgrade\(value, fromVersion\)/ };
    await using(directory, {}, (wal) => assert.rejects(wal.table({ fold: later }), missing));
    // It is not recorded either: the earlier version could not go on.
    await using(directory, { fold: later }, async (wal) => {
      await assert.rejects(wal.table(), missing);
      await assert.rejects(wal.append({ op: 'add', id: 'bd-1' }, { expect: { rev: 41 } }), {
        code: missing.code,
      });
    });
    assert.deepEqual(await recorded(directory), IDENTITY);
    await using(directory, { fold: counting }, (wal) => wal.compact());
    const versions = new Set<number>();
    const upgrade = (value: Counted, fromVersion: number) => {
      versions.add(fromVersion);
      return { count: value as unknown as number };
    };
    await using(directory, { fold: { ...later, upgrade } }, async (wal) => {
      const table = await wal.table<Counted>();
      const before = table.item('bd-1');
      assert.deepEqual([before?.value, before?.version, before?.rev], [{ count: 5 }, 5, 41]);
      assert.equal([...table.inOrder()].at(-1)?.value.count, 5);
      assert.equal((await wal.stateAt(45)).items.length, table.size);
      await wal.compact();
      await assert.rejects(wal.compact({ fold: counting }), { code: 'ERR_WAL_FOLD' });
    });
    assert.deepEqual([...versions], [1]);
    versions.clear();
    await using(directory, { fold: { ...later, upgrade } }, async (wal) => {
      assert.deepEqual((await wal.table<Counted>()).get('bd-1'), { count: 5 });
    });
    assert.deepEqual([...versions], []);
    const failing = { ...later, version: 3, upgrade: () => assert.fail('no') };
    await using(directory, {}, (wal) =>
      assert.rejects(wal.table({ fold: failing }), { code: 'ERR_WAL_FOLD', message: /upgrade id "bd-/ }),
    );
  }));

test('a body that only looks like a record of a fold records none', () => {
  const named = { name: 'é"\\ \n', version: 2 ** 53 - 1 };
  assert.deepEqual(foldIn(foldText(named)), named);
  for (const body of [
    foldText({ name: '', version: 1 }),
    foldText({ name: 'x'.repeat(201), version: 1 }),
    foldText({ name: 'x', version: 2 ** 53 }),
    foldText({ name: 'x', version: 0 }),
    '"data":{"version":1,"name":"x"},"id":"wal","op":"wal.fold"',
    '"data":{"name":"x","more":1,"version":1},"id":"wal","op":"wal.fold"',
    '"data":{"name":"\\u0078","version":1},"id":"wal","op":"wal.fold"',
    '"data":{"name":"x","version":1},"id":"war","op":"wal.fold"',
  ])
    assert.equal(foldIn(body), undefined, body);
});

test('a snapshot names the fold of a log in which no line does', () =>
  inScratch('fold', async (directory) => {
    await using(directory, { segmentBytes: 4096 }, async (wal) => {
      // Its group seals the segment: the compaction has nothing to seal.
      await wal.append({ op: 'add', id: 'a', data: 'x'.repeat(4096) });
      await wal.compact({ fold: counting });
      assert.deepEqual(wal.info().fold, IDENTITY);
    });
    for (const segment of files(directory, SEGMENT))
      assert.doesNotMatch(readFileSync(join(directory, segment), 'utf8'), /"fold"/);
    await using(directory, { fold: lastData }, async (wal) => {
      assert.equal((await wal.head()).seq, 1);
      await assert.rejects(wal.compact(), { code: 'ERR_WAL_FOLD', seq: 1 });
      assert.deepEqual(wal.info().fold, IDENTITY);
    });
    await using(directory, { fold: { ...counting, version: 2, upgrade: Number } }, () => {});
    await using(directory, {}, async (wal) => {
      assert.equal((await wal.head()).seq, 2);
      await assert.rejects(wal.compact({ fold: counting }), { code: 'ERR_WAL_FOLD', message: /version 2/ });
    });
  }));
