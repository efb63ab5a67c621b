import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogRecord, Wal } from '../src/index.ts';
import { fatesAt, imageAfter } from '../src/lab/crash/fates.ts';
import { LOG, surroundingsOn } from '../src/lab/crash/workload.ts';
import { SimDisk } from '../src/lab/disk/sim-disk.ts';
import { noLock } from '../src/lock/lock.ts';
import { repairLog } from '../src/wal/repair.ts';

const SMALL = { segmentBytes: 4096, lock: noLock() } as const;
const LOST = 5;

/** A log of two segments and a bit, with a flipped bit in the fifth entry, and without its wal.json where that is asked for. */
async function damagedDisk(withoutMeta: boolean): Promise<SimDisk> {
  const disk = new SimDisk();
  const wal = await Wal.openIn(surroundingsOn(disk, 1), LOG, SMALL);
  for (let n = 1; n <= 12; n++) await wal.append({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(800) });
  await wal.close();
  const file = disk.open(`${LOG}/${'1'.padStart(20, '0')}.jsonl`, 'update');
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0);
  file.writeAt(Buffer.from('y'), bytes.indexOf(`"bd-${LOST}"`) - 20);
  if (withoutMeta) disk.remove(`${LOG}/wal.json`);
  return new SimDisk(disk.image.copy());
}

const repair = (disk: SimDisk, seed: number, mode: 'tail' | 'salvage' = 'salvage') =>
  repairLog(surroundingsOn(disk, seed), LOG, { mode }, noLock());

async function idsIn(disk: SimDisk, directory = LOG): Promise<string[]> {
  const wal = await Wal.openIn(surroundingsOn(disk, 3), directory, { ...SMALL, readOnly: true });
  const { error } = await wal.verify();
  if (error !== undefined) throw error;
  const records: LogRecord[] = [];
  for await (const record of wal.read()) records.push(record);
  await wal.close();
  return records.filter(({ op }) => !op.startsWith('wal.')).map(({ id }) => id);
}

const wanted = Array.from({ length: 12 }, (_, i) => `bd-${i + 1}`).filter((id) => id !== `bd-${LOST}`);

for (const withoutMeta of [false, true]) {
  test(`a salvage ${withoutMeta ? 'of a log without its wal.json ' : ''}that crashes at any moment: nobody opens half a log, the next salvage ends it, with all that could be read`, async (t) => {
    const disk = await damagedDisk(withoutMeta);
    const before = disk.image.copy();
    await repair(disk, 2);
    assert.deepEqual(await idsIn(disk), wanted);
    const seen = new Set<string>();
    for (let after = 0; after <= disk.effects.length; after++) {
      for (const fate of fatesAt(disk.effects, after, 2)) {
        const image = imageAfter(before, disk.effects, after, fate);
        const state = image.digest();
        if (seen.has(state)) continue;
        seen.add(state);
        const crashed = new SimDisk(image.copy());
        // Whoever opens it has all of the new log, or is refused.
        const there = await idsIn(crashed).catch((error: { code: string }) => error.code);
        if (typeof there === 'string') assert.match(there, /^ERR_WAL_(CORRUPT|FORMAT)$/);
        else assert.deepEqual(there, wanted);
        await repair(crashed, 5);
        assert.deepEqual(await idsIn(crashed), wanted);
        assert.deepEqual((await repair(crashed, 6)).reasons, []);
      }
    }
    t.diagnostic(`${disk.effects.length} crash points, ${seen.size} distinct states`);
  });
}
