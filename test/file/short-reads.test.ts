import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { segmentSeq } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { noLock } from '../../src/lock/lock.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { inScratch } from '../support/scratch.ts';
import { fill, SMALL } from '../support/small-log.ts';

test('a salvage on a disk that gives half of what is asked for keeps every whole line', () =>
  inScratch('short-reads', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    await fill(wal, 40);
    await wal.close();
    const [first] = readdirSync(directory).filter((name) => segmentSeq(name) !== undefined);
    const path = join(directory, first as string);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"op":"update"', '"op":"updatE"'));
    const storage = changedStorage(
      {},
      { read: (file, target, at) => file.read(target.subarray(0, Math.ceil(target.length / 2)), at) },
    );
    await repairLog(changedEnvironment({ storage }), directory, { mode: 'salvage' }, noLock());
    const reader = await Wal.open(directory, { readOnly: true });
    let kept = 0;
    for await (const { op } of reader.read()) if (op === 'update') kept++;
    await reader.close();
    assert.equal(kept, 39);
  }));
