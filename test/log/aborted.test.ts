import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fold, type Lock, Wal, type WalError } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';
import { inTable } from '../support/small-log.ts';

/** Each point at which a signal can abort, and which of the appends that bear it are taken back: those that are not in the group. */
const POINTS = {
  'before the calls': 'all',
  'while an option is read': 'all',
  'while an entry is serialised': 'all',
  'after the calls': 'all',
  'while the lock is waited for': 'all',
  'while the lock is taken': 'all',
  'in a transaction’s function': 'those behind',
  'while a transaction’s entry is serialised': 'those behind',
  'in the fold, while a transaction is decided': 'those behind',
  'while the group is written': 'none',
  'while a group is written that others come before': 'all',
  'while the lock is given back': 'none',
  'when the sync begins': 'none',
  'when the sync has ended': 'none',
  'while the log is looked at once more': 'none',
} as const;
type Point = keyof typeof POINTS;

/** A log each of whose points tells that it was reached. */
async function openTelling(
  directory: string,
  at: (point: Point) => void,
  overtake: () => void,
): Promise<Wal> {
  let tries = 0;
  let written = false;
  const lock: Lock = {
    kind: 'telling',
    tryAcquire: () => {
      at('while the lock is taken');
      return ++tries > 1;
    },
    release: () => at('while the lock is given back'),
    close: () => {},
  };
  const fold: Fold<unknown> = {
    name: 'telling',
    version: 1,
    apply: (_value, { data }) => {
      at('in the fold, while a transaction is decided');
      return data;
    },
  };
  const storage = changedStorage(
    {},
    {
      append: (file, pieces) => {
        at('while the group is written');
        overtake();
        written = true;
        return file.append(pieces);
      },
      sync: async (file) => {
        if (written) at('when the sync begins');
        await file.sync();
        if (written) at('when the sync has ended');
      },
      syncNow: (file) => {
        if (written) at('when the sync begins');
        file.syncNow();
        if (written) at('when the sync has ended');
      },
      read: (file, target, position) => {
        if (written) at('while the log is looked at once more');
        return file.read(target, position);
      },
    },
  );
  return Wal.openIn(changedEnvironment({ storage }), directory, {
    lock,
    fold,
    onLockWait: () => at('while the lock is waited for'),
  });
}

for (const blocking of [false, true]) {
  for (const [point, takenBack] of Object.entries(POINTS) as [Point, string][]) {
    const how = blocking ? ', driven by appendSync' : '';
    test(`an abort ${point}: what is told of each append is so${how}`, () =>
      inScratch('aborted', async (directory) => {
        const stop = new AbortController();
        const { signal } = stop;
        const at = (reached: Point) => reached === point && armed && stop.abort();
        let armed = false;
        const other = await Wal.open(directory, {
          lock: 'none',
          fold: { name: 'telling', version: 1, apply: () => 1 },
        });
        const wal = await openTelling(directory, at, () => {
          if (point !== 'while a group is written that others come before' || signal.aborted) return;
          other.appendSync({ op: 'add', id: 'other' });
          stop.abort();
        });
        const table = await wal.table();
        armed = true;
        at('before the calls');
        const reading = {
          signal,
          get key() {
            at('while an option is read');
            return 'k';
          },
        };
        const told = {
          toJSON: () => {
            at('while an entry is serialised');
            return 1;
          },
        };
        const calls: Record<string, Promise<unknown>> = {
          plain: wal.append({ op: 'add', id: 'plain', data: told }, { signal }),
          transaction: table.transaction(
            (tx) => {
              at('in a transaction’s function');
              const data = { toJSON: () => at('while a transaction’s entry is serialised') };
              tx.set('transaction', data);
            },
            { signal },
          ),
          update: table.update('update', () => 1, { signal }),
          keyed: wal.append({ op: 'add', id: 'keyed' }, reading),
          rev: wal.append({ op: 'add', id: 'rev' }, { signal, expect: { rev: 0 } }),
          batch: wal.appendBatch([{ op: 'add', id: 'batch' }], { signal }),
          last: wal.append({ op: 'add', id: 'last' }, { signal }),
          // Behind the others: it ends the group, for it is not told what it reads before that has landed.
          reads: table.transaction((tx) => tx.size, { signal }),
        };
        const alone = wal.append({ op: 'add', id: 'alone' });
        at('after the calls');
        if (blocking) wal.appendSync({ op: 'add', id: 'blocking' });
        const outcomes = Object.fromEntries(
          await Promise.all(
            Object.entries(calls).map(async ([name, call]) => [
              name,
              await call.then(
                () => 'appended',
                ({ code, outcome }: WalError) => `${code} ${outcome}`,
              ),
            ]),
          ),
        );
        await alone;
        assert.ok(signal.aborted, `${point} was not reached`);
        const aborted = 'ERR_WAL_ABORTED not-written';
        const before = ['plain'];
        const isBack = (name: string) =>
          takenBack === 'all' || (takenBack === 'those behind' && !before.includes(name));
        for (const name of Object.keys(calls)) {
          if (name === 'rev' || name === 'reads') continue;
          assert.equal(outcomes[name], isBack(name) ? aborted : 'appended', name);
        }
        // Nothing is left behind: the log goes on, and close has nothing to wait for.
        await wal.append({ op: 'add', id: 'later' });
        const { entries } = wal.stats();
        await wal.close();
        await other.close();
        const there = (await recordsIn(directory)).map(({ id }) => id);
        for (const name of Object.keys(calls)) {
          if (name === 'reads') continue;
          const times = outcomes[name] === aborted ? 0 : 1;
          assert.equal(there.filter((id) => id === name).length, times, `${name}: ${outcomes[name]}`);
        }
        assert.equal(entries, there.filter((id) => id !== 'other').length);
      }));
  }
}

test('many appends and transactions on one signal raise no warning, and leave it without listeners', () =>
  inTable('aborted', async (table, wal) => {
    const warnings: string[] = [];
    // On a busy machine a transaction may be slow, which is told too.
    const hear = ({ name }: Error) => name.startsWith('MaxListeners') && warnings.push(name);
    process.on('warning', hear);
    try {
      const { signal } = new AbortController();
      let listeners = 0;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = (...args: unknown[]) => {
        listeners++;
        addEventListener.apply(signal, args as never);
      };
      signal.removeEventListener = (...args: unknown[]) => {
        listeners--;
        removeEventListener.apply(signal, args as never);
      };
      const calls = Array.from({ length: 20 }, (_, i) => [
        wal.append({ op: 'add', id: `bd-${i}` }, { signal }),
        table.update(`bd-u${i}`, () => ({ n: i }), { signal }),
        wal.append({ op: 'add', id: `bd-r${i}` }, { signal, expect: { rev: 0 } }),
      ]);
      assert.equal(listeners, 1);
      await Promise.all(calls.flat());
      assert.equal(listeners, 0);
      // Warnings are told in a tick of their own.
      await new Promise(setImmediate);
      assert.deepEqual(warnings, []);
    } finally {
      process.off('warning', hear);
    }
  }));
