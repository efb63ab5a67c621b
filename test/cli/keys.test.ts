import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { lastData, Wal } from '../../src/index.ts';
import { objects, runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

test('init sets the key window, info and keys tell it, keys --window raises it, and nothing lowers it', () =>
  inScratch('cli-keys', async (dir) => {
    assert.equal((await run(dir, ['init', '--key-window', '3'])).code, 0);
    assert.equal(objects((await run(dir, ['info', '--json'])).stdout)[0].keyWindow, 3);
    const log = join(dir, '.beads');
    const wal = await Wal.open(log);
    for (let n = 1; n <= 5; n++) await wal.append({ op: 'add', id: 'bd', ts: 1e12 + n }, { key: `key ${n}` });
    await wal.compact({ fold: lastData });
    await wal.close();
    const [told] = objects((await run(dir, ['keys', '--json'])).stdout);
    const { name, keys, bytes } = told.snapshot;
    assert.deepEqual([told.window, told.from, name, keys], [3, 3, 'snapshot-00000000000000000005.jsonl', 3]);
    assert.equal(
      bytes,
      '{"keys":["key 3",4,"4",4,"5"],"seqs":[3,1,1],"sums":"AAAABBBBCCCCDDDD","ts":[0000000000000,0,0]}\n'
        .length,
    );
    const raised = await run(dir, ['keys', '--window', '1000']);
    assert.deepEqual(raised.code, 0);
    assert.match(
      raised.stdout,
      /^window +a key is looked for among the last 1,000 entries: now from entry 3 on\nsnapshot +3 keys in /,
    );
    for (const args of [
      ['keys', '--window', '999'],
      ['init', '--key-window', '3'],
    ]) {
      const lower = await run(dir, args);
      assert.equal(lower.code, 1);
      assert.match(
        lower.stderr,
        /among its last 1000 entries, not .*never lowered.*\[ERR_WAL_KEY_WINDOW\]\n$/,
      );
    }
    assert.equal((await run(dir, ['keys', '--window', '10000001'])).code, 2);
    assert.match((await run(dir, ['info'])).stdout, /^keys +looked for among the last 1,000 entries$/m);
  }));
