import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { jsonText } from '../../src/format/json-text.ts';
import { ENVELOPE_BYTES, GENESIS_CRC } from '../../src/format/line.ts';
import { segmentName } from '../../src/format/names.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { lastData, Wal } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

const DEPTH = 100_000;
const DEEP = `${'[{"a":'.repeat(DEPTH / 2)}1${'}]'.repeat(DEPTH / 2)}`;

/** A log with a foreign writer's line: no data is too deep for the format. */
async function withDeepLog(body: (directory: string) => Promise<void>): Promise<void> {
  await inScratch('deep-data', async (directory) => {
    await (await Wal.open(directory)).close();
    const text = `"data":{"x":${DEEP}},"id":"deep","op":"set"`;
    const line = Buffer.alloc(text.length + ENVELOPE_BYTES);
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
    assert.equal(depth, DEPTH + 1);
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
    assert.equal(stats.code, 0, stats.stderr.slice(0, 500));
  }));

test('a state of any depth is compacted, and found by a field', () =>
  withDeepLog(async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append({ op: 'set', id: 'flat', data: { x: 1 } });
    await wal.append({ op: 'set', id: 'named', data: { a: 1, x: [[{ b: 1, a: 2 }]] } });
    assert.equal((await wal.table()).list({ x: 1 }).length, 1);
    await wal.compact({ fold: lastData, retain: 1 });
    await wal.close();
    const again = await Wal.open(directory, { readOnly: true });
    const table = await again.table();
    assert.equal(jsonText(table.get('deep')), `{"x":${DEEP}}`);
    assert.deepEqual(
      table.list({ x: [[{ a: 2, b: 1 }]] }).map(({ id }) => id),
      ['named'],
    );
    await again.close();
  }));

/** Appends data of a depth, alone and in a batch; answers the codes it ends in. */
async function appendDeep(directory: string, depth: number): Promise<unknown[]> {
  const { Wal } = await import('../../src/index.ts');
  let data: unknown = { b: 1, a: 2 };
  for (let i = 1; i < depth; i++) data = i % 2 === 0 ? [data] : { b: data, a: i };
  const wal = await Wal.open(directory);
  const entry = { op: 'set', id: `deep-${depth}`, data };
  const ends = await Promise.allSettled([wal.append(entry), wal.appendBatch([entry, entry])]);
  await wal.close();
  return ends.map((end) => (end.status === 'fulfilled' ? 'ok' : [end.reason.code, end.reason.outcome]));
}

/** The same in a worker, whose stack is larger than the main thread's. */
async function appendDeepInWorker(directory: string, depth: number): Promise<unknown> {
  const code = `
    const appendDeep = ${appendDeep.toString().replace(/import\([^)]*\)/, `import(${JSON.stringify(import.meta.resolve('../../src/index.js'))})`)};
    appendDeep(...require('node:worker_threads').workerData).then((ends) => require('node:worker_threads').parentPort.postMessage(ends));
  `;
  const worker = new Worker(code, {
    eval: true,
    workerData: [directory, depth],
    resourceLimits: { stackSizeMb: 16 },
  });
  const [ends] = await once(worker, 'message');
  await worker.terminate();
  return ends;
}

test('every thread appends data up to the same depth, which each of them can compact', () =>
  inScratch('deep-data', async (directory) => {
    for (const append of [appendDeep, appendDeepInWorker]) {
      assert.deepEqual(await append(directory, 1000), ['ok', 'ok']);
      const refused = ['ERR_WAL_ENTRY', 'not-written'];
      for (const depth of [1001, 20_000])
        assert.deepEqual(await append(directory, depth), [refused, refused]);
    }
    const wal = await Wal.open(directory);
    await wal.compact({ fold: lastData, retain: 1 });
    assert.equal((await wal.table()).size, 1);
    await wal.close();
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
