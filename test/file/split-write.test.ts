import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { segmentName } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';

/*
 * Where the disk takes a part of a write, libuv writes the rest by itself, and Node tells that all was written. Another
 * process may have written between the two.
 */

interface SplittingDisk {
  readonly storage: Storage;
  /** The next write is taken in two parts, the second from this byte on. */
  split: { readonly at: number; between(): void; after?(): void } | undefined;
}

function splittingDisk(): SplittingDisk {
  const disk: SplittingDisk = {
    split: undefined,
    storage: changedStorage(
      {},
      {
        append: (file, pieces) => {
          const { split } = disk;
          if (split === undefined) return file.append(pieces);
          disk.split = undefined;
          const bytes = Buffer.concat(pieces);
          const at = Math.min(split.at, bytes.length - 1);
          file.append([bytes.subarray(0, at)]);
          split.between();
          file.append([bytes.subarray(at)]);
          split.after?.();
          return bytes.length;
        },
      },
    ),
  };
  return disk;
}

/** Two Wals on one log without a lock; the first writes to the disk that splits. */
async function withTwo(
  name: string,
  body: (wal: Wal, other: Wal, disk: SplittingDisk, directory: string) => Promise<void>,
): Promise<void> {
  await inScratch(name, async (directory) => {
    const disk = splittingDisk();
    const wal = await Wal.openIn(changedEnvironment({ storage: disk.storage }), directory, { lock: 'none' });
    const other = await Wal.open(directory, { lock: 'none' });
    await body(wal, other, disk, directory);
    assert.equal(disk.split, undefined);
    await Promise.all([wal.close(), other.close()]);
  });
}

async function idsIn(directory: string): Promise<string[]> {
  const wal = await Wal.open(directory, { readOnly: true });
  const ids: string[] = [];
  for await (const { id } of wal.read()) ids.push(id);
  const { ok } = await wal.verify();
  await wal.close();
  assert.ok(ok);
  return ids.sort();
}

const GROUP = ['a', 'b', 'c'];
/** The group has some 450 bytes. */
const EVERYWHERE = [
  ...Array.from({ length: 20 }, (_, i) => i + 1),
  ...Array.from({ length: 60 }, (_, i) => 22 + i * 7),
];

test('a write taken in two parts, cut anywhere, another line between them: all is there once', () =>
  withTwo('split', async (wal, other, disk, directory) => {
    const expected: string[] = [];
    for (const at of EVERYWHERE) {
      disk.split = { at, between: () => other.appendSync({ op: 'add', id: `between-${at}` }) };
      const data = { a: { ' ': ' ' } };
      await Promise.all(GROUP.map((id) => wal.append({ op: 'add', id: `${id}-${at}`, data })));
      await other.append({ op: 'add', id: `after-${at}` });
      expected.push(...[...GROUP, 'between', 'after'].map((id) => `${id}-${at}`));
    }
    assert.deepEqual(await idsIn(directory), expected.sort());
  }));

test('a blocking append whose write is taken in two parts is in the log once', () =>
  withTwo('split-sync', async (wal, other, disk, directory) => {
    disk.split = { at: 60, between: () => other.appendSync({ op: 'add', id: 'between' }) };
    wal.appendSync({ op: 'add', id: 'mine' });
    assert.deepEqual(await idsIn(directory), ['between', 'mine']);
  }));

test('the first part is found where the line between was put straight behind it', () =>
  withTwo('split-glued', async (wal, other, disk, directory) => {
    let first = true;
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          if (!first) return file.append(pieces);
          first = false;
          let written = 0;
          const between = () => {
            written = file.append(pieces);
          };
          // It looked at the log's end before the first part came.
          disk.split = { at: 60, between };
          wal.appendSync({ op: 'add', id: 'mine' });
          return written;
        },
      },
    );
    const late = await Wal.openIn(changedEnvironment({ storage }), directory, { lock: 'none' });
    await late.append({ op: 'add', id: 'late' });
    await other.append({ op: 'add', id: 'other' });
    await late.close();
    assert.deepEqual(await idsIn(directory), ['late', 'mine', 'other']);
  }));

test('where the writer died after the second part, others go on, and nothing is in doubt', () =>
  withTwo('split-dead', async (wal, other, disk, directory) => {
    const after = () => {
      other.appendSync({ op: 'add', id: 'after' });
      throw new Error('the writer dies here');
    };
    disk.split = { at: 60, between: () => other.appendSync({ op: 'add', id: 'between' }), after };
    await assert.rejects(wal.append({ op: 'add', id: 'mine' }), { outcome: 'unknown' });
    const { ok, lines } = await other.verify();
    assert.deepEqual([ok, lines.torn, lines.damaged], [true, 2, 0]);
    assert.deepEqual(await idsIn(directory), ['after', 'between']);
  }));

test('the rest of a line whose beginning is nowhere is damage, and a repair of the tail mends it', () =>
  inScratch('split-lost', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append({ op: 'add', id: 'bd-1' });
    await wal.close();
    const path = join(directory, segmentName(1));
    appendFileSync(path, readFileSync(path).subarray(40));
    await assert.rejects(Wal.open(directory), { code: 'ERR_WAL_CORRUPT', cause: 'not-a-record', seq: 2 });
    await Wal.repair(directory, { mode: 'tail' });
    const again = await Wal.open(directory);
    assert.equal((await again.append({ op: 'add', id: 'bd-2' })).seq, 3);
    await again.close();
  }));
