import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMeta } from '../src/format/meta.ts';
import { segmentName, segmentSeq } from '../src/format/names.ts';
import { type LogRecord, Wal } from '../src/index.ts';
import { fatesAt, imageAfter } from '../src/lab/crash/fates.ts';
import { LOG, surroundingsOn } from '../src/lab/crash/workload.ts';
import { SimDisk } from '../src/lab/disk/sim-disk.ts';
import { noLock } from '../src/lock/lock.ts';
import { readWhole } from '../src/storage/files.ts';
import { repairLog } from '../src/wal/repair.ts';

const SMALL = { segmentBytes: 4096, lock: noLock() } as const;
const LOST = 5;
/** Nothing is lost, for it is the process that ends. */
const KEPT = { lost: new Set<number>() } as const;

const segment = (firstSeq: number) => `${LOG}/${segmentName(firstSeq)}`;

/** What else is wrong with a log whose fifth entry has a flipped bit. */
const DISKS: Readonly<Record<string, (disk: SimDisk) => void>> = {
  'of a log without its wal.json': (disk) => disk.remove(`${LOG}/wal.json`),
  'of a log with the names of two segments changed for each other': (disk) => {
    const [, second, third] = disk.list(LOG).filter((name) => segmentSeq(name) !== undefined);
    disk.rename(`${LOG}/${second}`, `${LOG}/x`);
    disk.rename(`${LOG}/${third}`, `${LOG}/${second}`);
    disk.rename(`${LOG}/x`, `${LOG}/${third}`);
  },
};

/** A log of a few small segments, damaged. */
async function damagedDisk(spoil: (disk: SimDisk) => void): Promise<SimDisk> {
  const disk = new SimDisk();
  const wal = await Wal.openIn(surroundingsOn(disk, 1), LOG, SMALL);
  for (let n = 1; n <= 12; n++) await wal.append({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(800) });
  await wal.close();
  const file = disk.open(segment(1), 'update');
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0);
  file.writeAt(Buffer.from('y'), bytes.indexOf(`"bd-${LOST}"`) - 20);
  spoil(disk);
  return new SimDisk(disk.image.copy());
}

const repair = (disk: SimDisk, seed: number, mode: 'tail' | 'salvage' = 'salvage') =>
  repairLog(surroundingsOn(disk, seed), LOG, { mode }, noLock());

async function idsIn(disk: SimDisk, log?: string): Promise<string[]> {
  const wal = await Wal.openIn(surroundingsOn(disk, 3), LOG, { ...SMALL, readOnly: true });
  if (log !== undefined) assert.equal(wal.info().id, log);
  const { error } = await wal.verify();
  if (error !== undefined) throw error;
  const records: LogRecord[] = [];
  for await (const record of wal.read()) records.push(record);
  await wal.close();
  return records.filter(({ op }) => !op.startsWith('wal.')).map(({ id }) => id);
}

/** The log's id, where wal.json is there to tell it. */
function idIn(disk: SimDisk): string | undefined {
  const bytes = readWhole(disk, `${LOG}/wal.json`);
  return bytes && decodeMeta(bytes.toString(), 'wal.json').id;
}

const wanted = Array.from({ length: 12 }, (_, i) => `bd-${i + 1}`).filter((id) => id !== `bd-${LOST}`);

for (const [what, spoil] of Object.entries(DISKS)) {
  test(`a salvage ${what} that crashes at any moment: nobody opens half a log, the next salvage ends it, with all that could be read`, async (t) => {
    const disk = await damagedDisk(spoil);
    const before = disk.image.copy();
    const id = idIn(disk);
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
        if (typeof there === 'string') assert.match(there, /^ERR_WAL_(CORRUPT|DIVERGED|FORMAT)$/);
        else assert.deepEqual(there, wanted);
        await repair(crashed, 5);
        assert.deepEqual(await idsIn(crashed, id), wanted);
        assert.deepEqual((await repair(crashed, 6)).reasons, []);
      }
    }
    t.diagnostic(`${disk.effects.length} crash points, ${seen.size} distinct states`);
  });
}

test('a salvage that goes on with one that was cut short, and crashes at any moment, too: the next ends it, and the id stays', async () => {
  const first = await damagedDisk(() => {});
  const start = first.image.copy();
  const id = idIn(first) as string;
  await repair(first, 2);
  const away = first.effects.findIndex(
    ({ kind }, i) =>
      kind === 'name' && idIn(new SimDisk(imageAfter(start, first.effects, i + 1, KEPT))) === undefined,
  );
  const disk = new SimDisk(imageAfter(start, first.effects, away + 4, KEPT).copy());
  assert.equal(idIn(disk), undefined);
  const before = disk.image.copy();
  await repair(disk, 4);
  for (let after = 0; after <= disk.effects.length; after++) {
    const crashed = new SimDisk(imageAfter(before, disk.effects, after, KEPT).copy());
    await repair(crashed, 5);
    assert.deepEqual(await idsIn(crashed, id), wanted);
  }
});
