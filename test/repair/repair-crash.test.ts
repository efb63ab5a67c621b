import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMeta } from '../../src/format/meta.ts';
import { segmentName, segmentSeq } from '../../src/format/names.ts';
import { type LogRecord, Wal, type WalError } from '../../src/index.ts';
import { changedFile, systemError } from '../../src/lab/wrapped-storage.ts';
import { noLock } from '../../src/lock/lock.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { unfinishedSwap } from '../../src/repair/replacement.ts';
import { readWhole } from '../../src/storage/files.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { crashStatesAt, imageAfter } from '../crash/crash-states.ts';
import { environmentOn, LOG } from '../crash/workload.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import type { Call } from '../sim/fault-rates.ts';
import { faultyStorage } from '../sim/faulty-storage.ts';

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
  const wal = await Wal.openIn(environmentOn(disk, 1), LOG, SMALL);
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
  repairLog(environmentOn(disk, seed), LOG, { mode }, noLock());

async function idsIn(disk: SimDisk, log?: string): Promise<string[]> {
  const wal = await Wal.openIn(environmentOn(disk, 3), LOG, { ...SMALL, readOnly: true });
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
      for (const fate of crashStatesAt(disk.effects, after, 2)) {
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

test('a salvage of a log without wal.json that holds no entry, crashing at any moment: the next one opens it', async () => {
  const damaged = new SimDisk();
  await (await Wal.openIn(environmentOn(damaged, 1), LOG, SMALL)).close();
  damaged.open(segment(1), 'append').append([Buffer.from('{"crc":"0123')]);
  damaged.remove(`${LOG}/wal.json`);
  const disk = new SimDisk(damaged.image.copy());
  const before = disk.image.copy();
  await repair(disk, 2);
  for (let after = 0; after <= disk.effects.length; after++) {
    const there = new SimDisk(imageAfter(before, disk.effects, after, KEPT).copy());
    await repair(there, 5);
    assert.deepEqual(await idsIn(there), [], `after effect ${after}`);
  }
});

test('wal.json put back, and appended to, while a salvage that was cut short is gone on with: nothing is lost', async () => {
  const good = new SimDisk();
  const wal = await Wal.openIn(environmentOn(good, 1), LOG, SMALL);
  for (let n = 1; n <= 6; n++) await wal.append({ op: 'add', id: `bd-${n}` });
  await wal.close();
  const paths = [`${LOG}/wal.json`, segment(1)];
  const files = paths.map((path) => [path, readWhole(good, path) as Buffer] as const);
  const disk = new SimDisk(good.image.copy());
  const [, [, bytes]] = files as [unknown, readonly [string, Buffer]];
  disk.open(segment(1), 'update').writeAt(Buffer.from('y'), bytes.indexOf('"bd-2"') + 2);
  const cut = new SimDisk(disk.image.copy());
  const before = cut.image.copy();
  await repair(cut, 2);
  let tries = 0;
  for (let after = 0; after <= cut.effects.length; after++) {
    const there = new SimDisk(imageAfter(before, cut.effects, after, KEPT).copy());
    if (unfinishedSwap(there, LOG)?.state !== 'within') continue;
    let isBack = false;
    const putBack = async () => {
      if (isBack) return;
      isBack = true;
      for (const [path, whole] of files) {
        if (there.look(path) !== undefined) there.remove(path);
        there.open(path, 'create').append([whole]);
      }
      const other = await Wal.openIn(environmentOn(there, 8), LOG, SMALL);
      await other.append({ op: 'add', id: 'bd-since' });
      await other.close();
    };
    const environment = environmentOn(there, 4);
    const yielding = { ...environment.clock, yield: putBack };
    const salvage = repairLog({ ...environment, clock: yielding }, LOG, { mode: 'salvage' }, noLock());
    const failed = await salvage.then(
      () => undefined,
      (error) => error.code,
    );
    if (!isBack) continue;
    tries++;
    assert.equal(failed, 'ERR_WAL_CONFLICT', `after effect ${after}`);
    assert.ok((await idsIn(there)).includes('bd-since'), `after effect ${after}`);
  }
  assert.ok(tries > 0);
});

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

/** The disk as a process sees it that does something else before its calls. */
const meeting = (disk: SimDisk, before: (call: Call, path: string) => void) =>
  faultyStorage(disk, {
    meet: (call, path) => {
      before(call, path);
      return undefined;
    },
    pause: () => Promise.resolve(),
    comeBetween: () => {},
    endsCut: () => {},
    syncFailed: () => {},
  });

const isClosing = (call: Call, path: string) => call === 'remove' && path === `${LOG}/wal.json`;

/** From taking wal.json away to putting the first file in place, and some more. */
const CALLS_OF_CLOSING = 40;

test('a salvage killed while it closes the log: a segment made meanwhile is kept', async () => {
  for (let after = 0; after < CALLS_OF_CLOSING; after += 2) {
    const disk = await damagedDisk(() => {});
    // It has waited too long for the lock.
    const late = await Wal.openIn(environmentOn(disk, 7), LOG, SMALL);
    let left = Infinity;
    const storage = meeting(disk, (call, path) => {
      if (isClosing(call, path) && left === Infinity) {
        for (let n = 1; n <= 5; n++) late.appendSync({ op: 'add', id: `late-${n}`, data: 'x'.repeat(800) });
        left = after;
      }
      if (left-- <= 0) throw systemError('EKILLED');
    });
    const salvage = repairLog({ ...environmentOn(disk, 2), storage }, LOG, { mode: 'salvage' }, noLock());
    await assert.rejects(salvage);
    await repair(disk, 5);
    const all = [...wanted, ...[1, 2, 3, 4, 5].map((n) => `late-${n}`)];
    assert.deepEqual(await idsIn(disk), all, `killed at call ${after} after the log was closed`);
    await late.close();
  }
});

test('a checkout while a salvage closes the log: the salvage begins again with it', async () => {
  const git = { git: true, lock: noLock() } as const;
  const disk = new SimDisk();
  const add = async (on: SimDisk, ids: readonly string[]) => {
    const wal = await Wal.openIn(environmentOn(on, ids.length), LOG, git);
    for (const id of ids) await wal.append({ op: 'add', id });
    await wal.close();
    return readWhole(on, segment(1)) as Buffer;
  };
  const ours = await add(disk, ['bd-1', 'bd-2', 'bd-3']);
  const theirs = await add(new SimDisk(disk.image.copy()), ['bd-4']);
  disk.open(segment(1), 'update').writeAt(Buffer.from('y'), ours.indexOf('"bd-2"') + 2);
  const damaged = disk.image.copy();
  const isMarking = (call: Call, path: string) =>
    call === 'rename' && path.startsWith(`${LOG}/wal.repairing`);
  for (const isThen of [isClosing, isMarking]) {
    const there = new SimDisk(damaged.copy());
    let isLeft = false;
    const storage = meeting(there, (call, path) => {
      if (isLeft || !isThen(call, path) || there.look(`${LOG}/wal.repairing.tmp`) === undefined) return;
      isLeft = true;
      there.remove(segment(1));
      there.open(segment(1), 'create').append([theirs]);
    });
    await repairLog({ ...environmentOn(there, 2), storage }, LOG, { mode: 'salvage' }, noLock());
    assert.deepEqual(await idsIn(there), ['bd-1', 'bd-2', 'bd-3', 'bd-4']);
    assert.deepEqual(
      there.list(LOG).filter((name) => name.endsWith('.tmp')),
      [],
    );
  }
});

const NEEDS_ROOM: readonly Call[] = ['make', 'append', 'link', 'rename', 'makeDirectory'];

test('a salvage on a full disk says what became of the log, and the next one ends it', async () => {
  const start = await damagedDisk(() => {});
  const told = new Set<string>();
  for (let room = 0; ; room++) {
    const disk = new SimDisk(start.image.copy());
    let left = room;
    const storage = meeting(disk, (call) => {
      if (NEEDS_ROOM.includes(call) && left-- <= 0) throw systemError('ENOSPC');
    });
    const salvage = repairLog({ ...environmentOn(disk, 2), storage }, LOG, { mode: 'salvage' }, noLock());
    const error = await salvage.then(
      () => undefined,
      (thrown: WalError) => thrown,
    );
    if (error === undefined) break;
    const when = `after ${room} calls: ${error.message}`;
    assert.equal(error.code, 'ERR_WAL_NO_SPACE', when);
    const state = unfinishedSwap(disk, LOG)?.state;
    assert.equal(
      /The log stays closed until you run the repair again/.test(error.message),
      state !== undefined,
      when,
    );
    assert.deepEqual(
      disk.list(LOG).filter((name) => name.endsWith('.tmp') && name !== 'wal.repairing.tmp'),
      [],
      when,
    );
    const backups = disk.look(`${LOG}/backups`) === undefined ? [] : disk.list(`${LOG}/backups`);
    if (state === undefined) assert.deepEqual(backups, [], when);
    told.add(state ?? 'as it was');
    await repair(disk, 5);
    assert.deepEqual(await idsIn(disk), wanted, when);
  }
  assert.deepEqual([...told], ['as it was', 'closed', 'within', 'ending']);
});

test('a segment made after a salvage closed the log: nothing in it is acknowledged', async () => {
  const disk = await damagedDisk(() => {});
  let before: ReturnType<SimDisk['look']>;
  const slow: Storage = {
    ...meeting(disk, () => {}),
    // What it saw of wal.json is from before that was taken away.
    look: (path) => {
      const seen = path === `${LOG}/wal.json` ? before : undefined;
      if (seen === undefined) return disk.look(path);
      before = undefined;
      return seen;
    },
  };
  const late = await Wal.openIn({ ...environmentOn(disk, 7), storage: slow }, LOG, SMALL);
  const acknowledged: string[] = [];
  let isClosed = false;
  const salvaging = meeting(disk, (call, path) => {
    if (!isClosing(call, path) || isClosed) return;
    isClosed = true;
    before = disk.look(path);
  });
  const storage: Storage = {
    ...salvaging,
    list: (path) => {
      const names = salvaging.list(path);
      for (let n = 1; before !== undefined && path === LOG && n <= 5; n++) {
        try {
          late.appendSync({ op: 'add', id: `late-${n}`, data: 'x'.repeat(800) });
          acknowledged.push(`late-${n}`);
        } catch {
          // It waited in vain for the log to come back.
        }
      }
      return names;
    },
  };
  await repairLog({ ...environmentOn(disk, 2), storage }, LOG, { mode: 'salvage' }, noLock());
  assert.equal(before, undefined);
  assert.deepEqual(await idsIn(disk), [...wanted, ...acknowledged]);
  await late.close();
});

/** How often a file that is opened for the `n`th time gives zeros for its second line. */
const ON_ITS_WAY = [
  { seen: 'once by each look', zeros: () => 1 },
  { seen: 'twice by the first survey', zeros: (n: number) => (n === 2 ? 2 : 0) },
];

for (const { seen, zeros } of ON_ITS_WAY)
  test(`zeros of a line on its way, seen ${seen}: verify and a salvage look again`, async () => {
    const disk = new SimDisk();
    const environment = environmentOn(disk, 1);
    const lock = noLock();
    const wal = await Wal.openIn(environment, LOG, { lock });
    for (const id of ['bd-1', 'bd-2', 'bd-3', 'bd-4']) await wal.append({ op: 'add', id });
    await wal.close();
    // What lies at the end lets verify look at all lines.
    disk.open(`${LOG}/${segmentName(1)}`, 'append').append([Buffer.from('{"seq":')]);
    const zeroed: Storage = meeting(disk, () => {});
    let opened = 0;
    const storage: Storage = {
      ...zeroed,
      open: (path, access, as) => {
        const file = zeroed.open(path, access, as);
        let left = path.endsWith(segmentName(1)) ? zeros(++opened) : 0;
        const read = (target: Buffer, position: number) => {
          if (left === 0 || target.length < 1000) return file.read(target, position);
          left--;
          // The second line is on its way.
          const count = file.read(target.subarray(0, 240), position);
          target.fill(0, 120, count);
          return count;
        };
        return changedFile(file, { read: (_file, target, position) => read(target, position) });
      },
    };
    const reader = await Wal.openIn({ ...environment, storage }, LOG, { lock, readOnly: true });
    assert.equal((await reader.verify()).error, undefined);
    await reader.close();
    const { reasons } = await repairLog({ ...environment, storage }, LOG, { mode: 'salvage' }, lock);
    assert.deepEqual(reasons, []);
  });
