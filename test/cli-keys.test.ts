import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lastData, Wal } from '../src/index.ts';
import { objects, runHere as run } from '../src/lab/command-line.ts';
import { inScratch } from '../src/lab/scratch.ts';

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
    assert.equal(bytes, '{"keys":["key 3",4,"4",4,"5"],"seqs":[3,1,1],"ts":[0000000000000,0,0]}\n'.length);
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

test('import leaves out what the log still has, however small its key window, and says what it cannot know', () =>
  inScratch('cli-keys-import', async (dir) => {
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => {
        const issue = { id: `bd-${from + i}`, created_at: '2025-10-12T00:00:00Z' };
        return `${JSON.stringify(issue)}\n`;
      }).join('');
    const imported = async (from: number, to: number) => {
      writeFileSync(join(dir, 'issues.jsonl'), lines(from, to));
      const { stdout, stderr } = await run(dir, ['import', '--from', 'beads', 'issues.jsonl', '--json']);
      const [{ appended, duplicates }] = objects(stdout);
      return { appended, duplicates, told: objects(stderr).map(({ code }) => code) };
    };
    await run(dir, ['init', '--key-window', '3']);
    assert.deepEqual(await imported(1, 8), { appended: 8, duplicates: 0, told: [] });
    assert.deepEqual(await imported(1, 10), { appended: 2, duplicates: 8, told: [] });
    await run(dir, ['compact', '--fold', 'last-data', '--retain', '1', '--no-backup']);
    assert.deepEqual(await imported(8, 12), { appended: 2, duplicates: 3, told: ['KEYS_FORGOTTEN'] });
    assert.deepEqual(await imported(7, 12), { appended: 1, duplicates: 5, told: ['KEYS_FORGOTTEN'] });
  }));
