import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type RepairReport, Wal } from '../../src/index.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';

const SEGMENT = '00000000000000000001.jsonl';
const GIT = { git: true } as const;

/** Appends entries, each of a Wal of its own, as short commands do. */
async function append(log: string, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    const wal = await Wal.open(log, GIT);
    await wal.append({ op: 'add', id });
    await wal.close();
  }
}

const linesOf = (log: string) => readFileSync(join(log, SEGMENT), 'utf8').split(/(?<=\n)/);

/** What a merge makes of two copies that both went on: in conflict where they differ, or, without markers, theirs after ours. */
function merge(ours: string, theirs: string, marked: boolean): void {
  const [one, other] = [linesOf(ours), linesOf(theirs)];
  const fork = one.findIndex((line, i) => line !== other[i]);
  const [common, mine, yours] = [one.slice(0, fork), one.slice(fork), other.slice(fork)];
  const parts = marked
    ? [...common, '<<<<<<< HEAD\n', ...mine, '=======\n', ...yours, '>>>>>>> other\n']
    : [...one, ...other];
  writeFileSync(join(ours, SEGMENT), parts.join(''));
}

const salvage = (log: string): Promise<RepairReport> => Wal.repair(log, { mode: 'salvage' });
const idsIn = async (log: string) =>
  (await recordsIn(log)).filter(({ op }) => !op.startsWith('wal.')).map(({ id }) => id);

for (const marked of [true, false]) {
  test(`${marked ? 'a branch that is merged again and again' : 'a diverged copy whose lines were put after ours'}: each entry is there once, and nothing is said to be lost`, () =>
    inScratch('merge-rounds', async (scratch) => {
      const [ours, theirs] = [join(scratch, 'ours'), join(scratch, 'theirs')];
      await append(ours, 'base-1', 'base-2', 'base-3');
      cpSync(ours, theirs, { recursive: true });
      const wanted = ['base-1', 'base-2', 'base-3'];
      for (const round of [1, 2, 3]) {
        const [mine, yours] = [3 + round, round === 2 ? 6 : 2].map((count, i) =>
          Array.from({ length: count }, (_, n) => `${i === 0 ? 'ours' : 'theirs'}-${round}-${n}`),
        ) as [string[], string[]];
        await append(ours, ...mine);
        await append(theirs, ...yours);
        merge(ours, theirs, marked);
        const { lost, entries } = await salvage(ours);
        wanted.push(...mine, ...yours);
        assert.deepEqual([lost, entries], [[], wanted.length], `round ${round}`);
        const ids = await idsIn(ours);
        assert.deepEqual([...ids].sort(), [...wanted].sort(), `round ${round}`);
        const of = (side: string) => (id: string) => id.startsWith(side);
        for (const side of ['ours', 'theirs'])
          assert.deepEqual(ids.filter(of(side)), wanted.filter(of(side)), `round ${round}`);
      }
    }));
}
