import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { segmentName, snapshotName } from '../../src/format/names.ts';
import { type Fold, Wal, type WalOptions } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';
import { warningsIn } from '../support/warnings.ts';

const counting: Fold<number> = { name: 'counting', version: 1, apply: (count) => (count ?? 0) + 1 };
const OPTIONS: WalOptions = { durability: 'os', segmentBytes: 4096, fold: counting };
const EAGER: WalOptions = { ...OPTIONS, autoCompact: { minBytes: 16_384, retain: 1 } };

const bytesOf = (directory: string) =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
const snapshotsOf = (directory: string) =>
  readdirSync(directory).filter((name) => /^snapshot-\d+\.jsonl$/.test(name));

async function appendTo(wal: Wal, count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await wal.append({ op: 'set', id: `bd-${i % 7}`, data: { text: 'x'.repeat(200) } });
}

test('a log that compacts itself stays small, whoever writes to it, and its state is that of all entries', () =>
  inScratch('auto-compact', async (directory) => {
    for (let round = 0; round < 6; round++) {
      const wal = await Wal.open(directory, EAGER);
      await appendTo(wal, 140);
      // Waits for what is under way.
      await wal.close();
      // A compaction runs beside the appends: what came since it began stays, up to a round's 40 KB. All rounds make 250 KB.
      assert.ok(bytesOf(directory) < 5 * 16_384, `${bytesOf(directory)} bytes after round ${round}`);
      assert.ok(!readdirSync(directory).some((name) => name.endsWith('.tmp')));
    }
    assert.equal(snapshotsOf(directory).length, 1);
    const wal = await Wal.open(directory, { ...OPTIONS, readOnly: true });
    const table = await wal.table<number>();
    assert.deepEqual(
      table.list().map(({ value, version }) => [value, version]),
      Array.from({ length: 7 }, () => [120, 120]),
    );
    await wal.close();
  }));

test('a group that fills the segment after a torn line: the log is compacted', () =>
  inScratch('auto-compact', async (directory) => {
    const before = await Wal.open(directory, OPTIONS);
    await appendTo(before, 1);
    await before.close();
    appendFileSync(join(directory, segmentName(1)), '{"crc":"');
    const wal = await Wal.open(directory, EAGER);
    await wal.append({ op: 'set', id: 'bd-1', data: { text: 'x'.repeat(20_000) } });
    await wal.close();
    assert.deepEqual(snapshotsOf(directory), [snapshotName(2)]);
  }));

test('a log is not compacted unless that was asked for, nor where it is kept in git', () =>
  inScratch('auto-compact', async (directory) => {
    const places = { plain: OPTIONS, git: { ...EAGER, git: true } };
    for (const [name, options] of Object.entries(places)) {
      const wal = await Wal.open(join(directory, name), options);
      await appendTo(wal, 300);
      await wal.close();
      assert.deepEqual(snapshotsOf(join(directory, name)), []);
    }
  }));

test('a compaction that fails is told once, as a warning: appends go on, and so does the log', () =>
  inScratch('auto-compact', async (directory) => {
    const fold: Fold = { ...counting, apply: () => assert.fail('no state today') };
    const warnings = await warningsIn('WAL_AUTO_COMPACT', async () => {
      const wal = await Wal.open(directory, { ...EAGER, fold });
      await appendTo(wal, 300);
      await wal.close();
    });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] as string, /no state today/);
    const wal = await Wal.open(directory, OPTIONS);
    assert.equal((await wal.append({ op: 'set', id: 'bd-1' })).seq, 301);
    assert.deepEqual(snapshotsOf(directory), []);
    await wal.close();
  }));

test('expectations of revs, tables and compactions go by the fold of the Wal', () =>
  inScratch('auto-compact', async (directory) => {
    const wal = await Wal.open(directory, EAGER);
    await appendTo(wal, 200);
    await wal.compact();
    const table = await wal.table<number>();
    const { rev } = table.item('bd-0') ?? assert.fail();
    await wal.append({ op: 'set', id: 'bd-0' }, { expect: { rev } });
    await assert.rejects(wal.append({ op: 'set', id: 'bd-0' }, { expect: { rev } }), {
      code: 'ERR_WAL_CONFLICT',
    });
    assert.equal(table.get('bd-0'), 30);
    await wal.close();
  }));

test('thresholds out of range are refused', async () => {
  for (const autoCompact of [
    1,

    'yes',
    { ratio: 0 },
    { ratio: '1' },
    { ratio: Number.NaN },
    { minBytes: 1 },
    { minBytes: 2 ** 18 - 1 },
    { often: true },
  ])
    await assert.rejects(
      Wal.open('never-made', { autoCompact } as never),
      { code: 'ERR_WAL_ARGUMENT' },
      JSON.stringify(autoCompact),
    );
  await assert.rejects(Wal.open('never-made', { fold: {} } as never), { code: 'ERR_WAL_ARGUMENT' });
  // A segment is the least: the log is looked at when one is full.
  const small = { ...EAGER, segmentBytes: 16_385 };
  const message = /minBytes \(from segmentBytes on\) must be .*16385/;
  await assert.rejects(Wal.open('never-made', small), { code: 'ERR_WAL_ARGUMENT', message });
  // By default it is as large as a large segment.
  const large = { ...OPTIONS, segmentBytes: 2 ** 23, autoCompact: true };
  await inScratch('auto-compact', async (directory) => (await Wal.open(directory, large)).close());
});
