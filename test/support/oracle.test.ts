import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wal } from '../../src/index.ts';
import { faultsIn } from './oracle.ts';
import { inScratch } from './scratch.ts';

test('whatever of a log is not as its writers were told is named', () =>
  inScratch('told', async (directory) => {
    const wal = await Wal.open(directory);
    try {
      for (const id of ['moved', 'twice', 'twice', 'refused', 'strange', 'counter', 'counter'])
        await wal.append({ op: 'add', id });
      assert.deepEqual(
        await faultsIn(wal, {
          acknowledged: new Map([
            ['lost', 1],
            ['moved', 2],
          ]),
          tried: new Set(['lost', 'moved', 'twice', 'refused', 'counter']),
          refused: new Set(['refused']),
          repeated: ['counter'],
        }),
        [
          'lost was acknowledged as entry 1, and is lost',
          'moved was acknowledged as entry 2, and is entry 1',
          'refused is there, and was told as not written',
          'strange is there, which nobody wrote',
          'twice is there 2 times',
        ],
      );
    } finally {
      await wal.close();
    }
  }));
