import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord } from '../../src/format/record.ts';
import { RecordStream } from '../../src/log/record-stream.ts';

const recordOf = (seq: number): LogRecord => ({
  seq,
  ts: 0,
  op: 'o',
  id: 'i',
  writer: 'aaaaaaaa.1',
  crc: '00000000',
  prev: '00000000',
});

/** A stream of three pieces, 1 to 3, 4 and 5 to 6, which notes what becomes of its source; and the generator that it stands for. */
function made(signal?: AbortSignal, failure?: Error) {
  const notes: string[] = [];
  async function* pieces(): AsyncGenerator<readonly LogRecord[], void, undefined> {
    try {
      for (const seqs of [[1, 2, 3], [4], [5, 6]]) {
        await null;
        notes.push(`piece ${seqs[0]}`);
        yield seqs.map(recordOf);
        if (failure && seqs[0] === 4) throw failure;
      }
    } finally {
      notes.push('end');
    }
  }
  return { notes, stream: new RecordStream(pieces(), signal) };
}

async function seqsOf(stream: AsyncIterable<LogRecord>, most = Infinity): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of stream) if (seqs.push(seq) === most) break;
  return seqs;
}

const seqIn = ({ value }: IteratorResult<LogRecord, void>) => value?.seq;

test('records of pieces are handed out one by one, each piece when it is needed', async () => {
  const { stream, notes } = made();
  assert.deepEqual(await seqsOf(stream, 2), [1, 2]);
  assert.deepEqual(notes, ['piece 1', 'end']);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  const all = made();
  assert.deepEqual(await seqsOf(all.stream), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(await seqsOf(all.stream), []);
  assert.deepEqual(all.notes, ['piece 1', 'piece 4', 'piece 5', 'end']);
});

test('calls that do not wait for each other are answered in their order', async () => {
  const { stream } = made();
  const calls = Array.from({ length: 5 }, () => stream.next());
  const ended = stream.return();
  const after = stream.next();
  assert.deepEqual((await Promise.all(calls)).map(seqIn), [1, 2, 3, 4, 5]);
  assert.deepEqual([await ended, await after].map(seqIn), [undefined, undefined]);
});

test('an error comes after the records before it, and after it there is no more', async () => {
  const failure = new Error('broken');
  const { stream, notes } = made(undefined, failure);
  const seqs: number[] = [];
  await assert.rejects(async () => {
    for await (const { seq } of stream) seqs.push(seq);
  }, failure);
  assert.deepEqual(seqs, [1, 2, 3, 4]);
  assert.deepEqual([await stream.next(), notes.at(-1)], [{ done: true, value: undefined }, 'end']);
  const thrown = made();
  await thrown.stream.next();
  await assert.rejects(thrown.stream.throw(failure), failure);
  assert.deepEqual([seqIn(await thrown.stream.next()), thrown.notes.at(-1)], [undefined, 'end']);
});

test('once the signal has aborted, what is left of a piece is not handed out', async () => {
  const stop = new AbortController();
  const { stream, notes } = made(stop.signal);
  assert.equal(seqIn(await stream.next()), 1);
  stop.abort();
  assert.deepEqual([seqIn(await stream.next()), notes.at(-1)], [undefined, 'end']);
});
