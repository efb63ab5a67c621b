import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { jsonText } from '../src/format/json-text.ts';
import { GENESIS_CRC, lineBytes, writeLine } from '../src/format/line.ts';
import { segmentName } from '../src/format/names.ts';
import { Wal } from '../src/index.ts';
import { run } from '../src/lab/command-line.ts';
import { inScratch } from '../src/lab/scratch.ts';

const DEPTH = 100_000;
const DEEP = `${'[{"a":'.repeat(DEPTH / 2)}1${'}]'.repeat(DEPTH / 2)}`;

/** A log with a foreign writer's line: no data is too deep for the format. */
async function withDeepLog(body: (directory: string) => Promise<void>): Promise<void> {
  await inScratch('deep-data', async (directory) => {
    await (await Wal.open(directory)).close();
    const text = `"data":${DEEP},"id":"deep","op":"set"`;
    const line = Buffer.alloc(lineBytes(text.length));
    const place = { prev: GENESIS_CRC, seq: 1, synced: 0, ts: 1, writer: 'zzzzzzzz.1', crc: '' };
    writeFileSync(join(directory, segmentName(1)), line.subarray(0, writeLine(line, 0, text, place)));
    await body(directory);
  });
}

test('data of any depth is read, folded and frozen', () =>
  withDeepLog(async (directory) => {
    const wal = await Wal.open(directory, { readOnly: true });
    const value = (await wal.table()).get('deep');
    let depth = 0;
    for (let at: unknown = value; typeof at === 'object'; depth++) {
      assert.ok(Object.isFrozen(at));
      [at] = Object.values(at as object);
    }
    assert.equal(depth, DEPTH);
    await wal.close();
  }));

test('read, tail and state print data of any depth, for people and as JSON', () =>
  withDeepLog(async (directory) => {
    for (const command of [['read'], ['tail'], ['state'], ['read', '--json']]) {
      const { code, stdout, stderr } = await run(directory, ['-C', '.', ...command]);
      assert.equal(code, 0, stderr.slice(0, 500));
      assert.ok(stdout.includes(DEEP));
    }
    const stats = await run(directory, ['-C', '.', 'stats']);
    assert.deepEqual([stats.code, /\[(\w+)\]\n$/.exec(stats.stderr)?.[1]], [1, 'ERR_WAL_ENTRY']);
  }));

test('deep values are written as JSON.stringify would', () => {
  const values = [
    [],
    {},
    [[]],
    { a: [], b: {}, ' "': [1, 'é\u2028"', null, true, -1e300] },
    [{ a: [{}, 2] }, []],
  ];
  let deep: unknown = values;
  for (let i = 0; i < DEPTH; i++) deep = [deep];
  assert.equal(jsonText(deep), `${'['.repeat(DEPTH)}${JSON.stringify(values)}${']'.repeat(DEPTH)}`);
});
