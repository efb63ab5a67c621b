import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { segmentName } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { noLock } from '../../src/lock/lock.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { inScratch } from '../support/scratch.ts';

test('a tail repair that another repair comes before is a conflict, and the log is whole', () =>
  inScratch('tail-overtaken', async (scratch) => {
    const log = join(scratch, 'log');
    const wal = await Wal.open(log);
    for (let n = 1; n <= 10; n++) await wal.append({ op: 'add', id: `bd-${n}` });
    await wal.close();
    const segment = join(log, segmentName(1));
    const bytes = readFileSync(segment);
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1;
    writeFileSync(segment, bytes);
    // What another repair would append, taken from a copy.
    const copy = join(scratch, 'copy');
    cpSync(log, copy, { recursive: true });
    await Wal.repair(copy, { mode: 'tail' });
    const repaired = readFileSync(join(copy, segmentName(1))).subarray(statSync(segment).size);

    let isOvertaken = false;
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          if (!isOvertaken) appendFileSync(segment, repaired);
          isOvertaken = true;
          return file.append(pieces);
        },
      },
    );
    const repair = repairLog(changedEnvironment({ storage }), log, { mode: 'tail' }, noLock());
    await assert.rejects(repair, { code: 'ERR_WAL_CONFLICT' });
    assert.ok(isOvertaken);
    const after = await Wal.open(log, { lock: 'none' });
    assert.equal((await after.verify()).error, undefined);
    await after.append({ op: 'add', id: 'bd-11' });
    await after.close();
  }));
