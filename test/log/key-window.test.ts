import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/clock/clock.ts';
import { MAX_HEADER_BYTES } from '../../src/format/snapshot.ts';
import { type Entry, lastData, Wal, type WalError, type WalOptions } from '../../src/index.ts';
import { changedEnvironment, changedFile, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';

const SMALL: WalOptions = { segmentBytes: 4096, durability: 'os' };
const LONG = 'x'.repeat(500);

const add = (id: string, data: unknown = LONG) => ({ op: 'add', id, data });

/** What an append with that key answers: the number of the entry that has the key, perhaps with another content, or of a new one. */
async function answer(wal: Wal, key: string): Promise<string> {
  try {
    const { seq, duplicate } = await wal.append(add('bd-again'), { key });
    return duplicate ? `was ${seq}` : `is ${seq}`;
  } catch (error) {
    const { code, outcome, seq } = error as WalError;
    assert.deepEqual([code, outcome], ['ERR_WAL_KEY_REUSED', 'not-written']);
    return `was ${seq}`;
  }
}

/** Appends a line of so many entries from that number on, with a key that names the first, or tries that again. */
function put(wal: Wal, seq: number, entries: number) {
  const all = Array.from({ length: entries }, (_, i): Entry => ({ ...add(`bd-${seq + i}`), ts: Date.now() }));
  const [first] = all as [Entry];
  return entries === 1 ? wal.append(first, { key: `k${seq}` }) : wal.appendBatch(all, { key: `k${seq}` });
}

/** Appends so many lines of so many entries. */
async function fill(wal: Wal, lines: number, entries = 1): Promise<void> {
  for (let i = 0; i < lines; i++) await put(wal, (await wal.head()).seq + 1, entries);
}

/** The line from that number on is tried again as it was. */
async function again(wal: Wal, seq: number, entries = 1): Promise<void> {
  const answered = await put(wal, seq, entries);
  assert.deepEqual([answered.seq, answered.duplicate], [seq, true]);
}

interface Passage {
  readonly what: string;
  /** Entries that it appends, without keys. */
  readonly appends: number;
  /** Puts the log through something; answers where it is then. */
  readonly pass: (directory: string) => Promise<string>;
}

async function change(directory: string, work: (wal: Wal) => Promise<unknown>): Promise<string> {
  const wal = await Wal.open(directory, SMALL);
  await work(wal);
  await wal.close();
  return directory;
}

const compacted = (directory: string) =>
  change(directory, (wal) => wal.compact({ fold: lastData, retain: 1 }));
const restored = async (directory: string) => (await Wal.restore(directory, `${directory}-copy`)).directory;

/** What becomes of a log between an append and its retry, none of which may move the window's edge. */
const PASSAGES: readonly Passage[] = [
  { what: 'nothing', appends: 0, pass: async (directory) => directory },
  { what: 'a compaction', appends: 0, pass: compacted },
  {
    what: 'a compaction that keeps the lines',
    appends: 0,
    pass: (directory) => change(directory, (wal) => wal.compact({ fold: lastData, retain: Infinity })),
  },
  {
    what: 'a compaction of a compaction',
    appends: 1,
    pass: async (directory) => {
      await compacted(directory);
      await change(directory, (wal) => wal.append(add('bd-plain')));
      return compacted(directory);
    },
  },
  {
    what: 'a compaction, and entries after it',
    appends: 2,
    pass: async (directory) => {
      await compacted(directory);
      return change(directory, async (wal) => {
        for (let i = 0; i < 2; i++) await wal.append(add('bd-plain'));
      });
    },
  },
  { what: 'a restore', appends: 0, pass: restored },
  {
    what: 'a restore of what was compacted',
    appends: 0,
    pass: async (directory) => restored(await compacted(directory)),
  },
  {
    what: 'a salvage without wal.json',
    appends: 0,
    pass: async (directory) => {
      rmSync(join(directory, 'wal.json'));
      await Wal.repair(directory, { mode: 'salvage' });
      return directory;
    },
  },
  {
    what: 'a salvage of what was compacted, without wal.json',
    appends: 0,
    pass: async (directory) => {
      await compacted(directory);
      rmSync(join(directory, 'wal.json'));
      await Wal.repair(directory, { mode: 'salvage' });
      return directory;
    },
  },
];

for (const { what, appends, pass } of PASSAGES) {
  test(`of the last entries of a window the first has its key found, and none before: ${what}`, () =>
    inScratch('key-window', async (scratch) => {
      const directory = join(scratch, 'log');
      const wal = await Wal.open(directory, { ...SMALL, keyWindow: 6 });
      await fill(wal, 20);
      await wal.close();
      const later = await Wal.open(await pass(directory), SMALL);
      const head = 20 + appends;
      const first = head - 6 + 1;
      assert.equal(await answer(later, `k${first}`), `was ${first}`);
      await again(later, first);
      assert.equal(await answer(later, `k${first - 1}`), `is ${head + 1}`);
      assert.equal(await answer(later, `k${first}`), `is ${head + 2}`, 'the window has gone on by one');
      await later.close();
    }));

  test(`a batch's key is found as long as its last entry is in the window, by its first number: ${what}`, () =>
    inScratch('key-window', async (scratch) => {
      for (const window of [7, 6]) {
        const directory = join(scratch, `log-${window}`);
        const wal = await Wal.open(directory, { ...SMALL, keyWindow: window + appends });
        await fill(wal, 7, 3);
        await wal.close();
        const later = await Wal.open(await pass(directory), SMALL);
        // Of entries 1 to 21 the window holds those from 15 or 16 on; batches are 10 to 12, 13 to 15, 16 to 18.
        assert.equal(await answer(later, 'k16'), 'was 16');
        await again(later, 16, 3);
        assert.equal(await answer(later, 'k13'), window === 7 ? 'was 13' : `is ${22 + appends}`);
        if (window === 7) assert.equal(await answer(later, 'k10'), `is ${22 + appends}`);
        await later.close();
      }
    }));
}

test('a batch of more entries than the window is found when it is tried again at once', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 1 });
    const entries = [1, 2, 3].map((n) => add(`bd-${n}`));
    await wal.appendBatch(entries, { key: 'k' });
    const { seq, duplicate } = await wal.appendBatch(entries, { key: 'k' });
    assert.deepEqual([seq, duplicate], [1, true]);
    await wal.close();
  }));

test('a window of 0 finds no key, and reads no older ones', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 0 });
    assert.deepEqual([await answer(wal, 'k'), await answer(wal, 'k')], ['is 1', 'is 2']);
    await wal.close();
  }));

test('what precedes an append in the same write has moved the window on', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 3 });
    await fill(wal, 3);
    const [plain, keyed] = await Promise.all([wal.append(add('bd-plain')), answer(wal, 'k1')]);
    assert.deepEqual([plain.seq, keyed], [4, 'is 5']);
    await wal.close();
  }));

test('the log’s window is its own: another one is refused, and says what to do; none takes the log’s', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { keyWindow: 50 });
    for (const readOnly of [false, true]) {
      await assert.rejects(Wal.open(directory, { keyWindow: 100, readOnly }), {
        code: 'ERR_WAL_KEY_WINDOW',
        message: /last 50 entries, not 100\. .*jsonl-wal keys --window 100/,
      });
      await assert.rejects(Wal.open(directory, { keyWindow: 49, readOnly }), {
        code: 'ERR_WAL_KEY_WINDOW',
        message: /Omit the number: .*never lowered/,
      });
      for (const options of [{}, { keyWindow: 50 }]) {
        const other = await Wal.open(directory, { ...options, readOnly });
        assert.equal(other.info().keyWindow, 50);
        await other.close();
      }
    }
    assert.match(readFileSync(join(directory, 'wal.json'), 'utf8'), /"keyWindow":50/);
    await wal.close();
  }));

test('wal.json without a key window is of a log that looks among 100,000 entries; one that cannot be is damage', () =>
  inScratch('key-window', async (directory) => {
    await (await Wal.open(directory)).close();
    const path = join(directory, 'wal.json');
    const text = readFileSync(path, 'utf8');
    assert.match(text, /"keyWindow":100000/);
    writeFileSync(path, text.replace('"keyWindow":100000,', ''));
    const wal = await Wal.open(directory);
    assert.equal(wal.info().keyWindow, 100_000);
    await wal.close();
    for (const bad of ['-1', '1.5', '"5"', 'null', '10000001']) {
      writeFileSync(path, text.replace('100000', bad));
      await assert.rejects(Wal.open(directory), { code: 'ERR_WAL_FORMAT', message: /keyWindow/ });
    }
  }));

for (const seen of [
  'open then',
  'opened since',
  'opened after segments',
  'opened after a compaction',
] as const) {
  test(`a raised window holds for every writer, and brings back no key that was out of it: ${seen}`, () =>
    inScratch('key-window', async (directory) => {
      const raiser = await Wal.open(directory, { ...SMALL, keyWindow: 4 });
      await fill(raiser, 10);
      const early = await Wal.open(directory, SMALL);
      // Of entries 1 to 10 the window holds 7 to 10; entry 11 raises it.
      assert.equal((await raiser.raiseKeyWindow(100)).seq, 11);
      assert.equal(raiser.info().keyWindow, 100);
      const plain = seen === 'opened after segments' ? 20 : 8;
      for (let i = 0; i < plain; i++) await raiser.append(add('bd-plain'));
      if (seen === 'opened after a compaction') await raiser.compact({ fold: lastData, retain: 1 });
      const wal = seen === 'open then' ? early : await Wal.open(directory, SMALL);
      assert.equal(await answer(wal, 'k7'), 'was 7');
      assert.equal(await answer(wal, 'k6'), `is ${12 + plain}`);
      assert.equal(await answer(raiser, 'k7'), 'was 7');
      assert.equal(await answer(raiser, 'k6'), `was ${12 + plain}`);
      assert.deepEqual([wal.info().keyWindow, wal.info().keysFrom], [100, 7]);
      for (const each of new Set([wal, early, raiser])) await each.close();
    }));
}

test('a window that was raised twice goes back to what the first one held', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 2 });
    await fill(wal, 5);
    await wal.raiseKeyWindow(4);
    await wal.raiseKeyWindow(4);
    await fill(wal, 2);
    await wal.raiseKeyWindow(1000);
    // 4 and 5 were in it at entry 6; at entry 10 it held what comes from 6 on.
    assert.deepEqual([await answer(wal, 'k8'), await answer(wal, 'k5')], ['was 8', 'is 11']);
    await wal.close();
  }));

test('an append that is called with a raise is held against the raised window', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 3 });
    await fill(wal, 3);
    const [, keyed] = await Promise.all([wal.raiseKeyWindow(4), answer(wal, 'k1')]);
    assert.equal(keyed, 'was 1');
    await wal.close();
  }));

test('a raise that others come before is decided, and written, again', () =>
  inScratch('key-window', async (directory) => {
    const other = await Wal.open(directory, { ...SMALL, keyWindow: 3, lock: 'none' });
    let overtaken = false;
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          if (!overtaken) other.appendSync(add('bd-first'), { key: 'k1' });
          overtaken = true;
          return file.append(pieces);
        },
      },
    );
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { ...SMALL, lock: 'none' });
    assert.equal((await wal.raiseKeyWindow(5)).seq, 2);
    for (let i = 0; i < 3; i++) await wal.append(add('bd-plain'));
    for (const each of [wal, other]) assert.equal(await answer(each, 'k1'), 'was 1');
    await Promise.all([wal.close(), other.close()]);
  }));

test('a window is not lowered, nor raised by who may not write, nor to what is no number of entries', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 10 });
    await assert.rejects(wal.raiseKeyWindow(9), { code: 'ERR_WAL_KEY_WINDOW', outcome: 'not-written' });
    for (const bad of [-1, 1.5, 10_000_001, Number.NaN, '20' as unknown as number])
      await assert.rejects(wal.raiseKeyWindow(bad), { code: 'ERR_WAL_ARGUMENT', outcome: 'not-written' });
    const reader = await Wal.open(directory, { readOnly: true });
    await assert.rejects(reader.raiseKeyWindow(20), { code: 'ERR_WAL_READ_ONLY' });
    assert.equal((await wal.head()).seq, 0);
    await Promise.all([wal.close(), reader.close()]);
  }));

test('entries that are like a raise, and are none, raise nothing', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 3 });
    await wal.append({ op: 'keys', id: 'wal', data: { window: 50 } });
    await wal.append({ op: 'add', id: 'wal', data: '"id":"wal","op":"wal.keys"' });
    assert.equal(wal.info().keyWindow, 3);
    assert.deepEqual(
      (await recordsIn(directory)).map(({ op }) => op),
      ['keys', 'add'],
    );
    await wal.close();
  }));

test('a raise is restored only with the entries that come after it', () =>
  inScratch('key-window', async (scratch) => {
    const directory = join(scratch, 'log');
    const wal = await Wal.open(directory, { ...SMALL, keyWindow: 3 });
    await fill(wal, 5);
    await wal.raiseKeyWindow(50);
    await wal.close();
    for (const [toSeq, window, from] of [
      [5, 3, 3],
      [6, 50, 3],
    ] as const) {
      const copy = await Wal.open(
        (await Wal.restore(directory, join(scratch, `${toSeq}`), { toSeq })).directory,
      );
      assert.deepEqual([copy.info().keyWindow, copy.info().keysFrom], [window, from]);
      await copy.close();
    }
  }));

test('opening, and an append without a key, read neither earlier segments nor the keys of a snapshot', () =>
  inScratch('key-window', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    await fill(wal, 20);
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 20);
    await wal.close();
    const segments = readdirSync(directory)
      .filter((name) => /^\d+\.jsonl$/.test(name))
      .sort();
    // The segment before has the seal that the last one follows; a snapshot's first line is looked at.
    const few = segments.slice(-2);
    const read: string[] = [];
    const storage = changedStorage({
      open: (path, access, mode) => {
        const file = nodeStorage.open(path, access, mode);
        const name = basename(path);
        return changedFile(file, {
          read: (_file, target, position) => {
            const isFirst =
              name.startsWith('snapshot-') && position === 0 && target.length <= MAX_HEADER_BYTES;
            if (name.endsWith('.jsonl') && !few.includes(name) && !isFirst) read.push(name);
            return file.read(target, position);
          },
        });
      },
    });
    const next = await Wal.openIn(changedEnvironment({ storage }), directory, SMALL);
    await next.append(add('bd-plain'));
    assert.equal(read.length, 0, read.join(', '));
    assert.equal(await answer(next, 'k3'), 'was 3');
    assert.ok(read.some((name) => name.startsWith('snapshot-')));
    await next.close();
  }));

test('a writer that slept through compactions finds the key that others gave again, not the one it remembers', () =>
  inScratch('key-window', async (directory) => {
    const asleep = await Wal.open(directory, { ...SMALL, keyWindow: 4 });
    assert.equal(await answer(asleep, 'k'), 'is 1');
    const wal = await Wal.open(directory, SMALL);
    for (let i = 0; i < 30; i++) await wal.append(add('bd-plain'));
    assert.equal(await answer(wal, 'k'), 'is 32');
    await wal.compact({ fold: lastData, retain: 1 });
    assert.equal(await answer(asleep, 'k'), 'was 32');
    for (const each of [asleep, wal]) await each.close();
  }));

test('keys that were read before the log was replaced do not count in what lies there now', () =>
  inScratch('key-window', async (scratch) => {
    const directory = join(scratch, 'log');
    await (await Wal.open(directory, SMALL)).close();
    const other = join(scratch, 'other');
    cpSync(directory, other, { recursive: true });
    for (const [place, key] of [
      [directory, 'old'],
      [other, 'new'],
    ] as const) {
      const wal = await Wal.open(place, SMALL);
      for (let n = 1; n <= 30; n++) await wal.append({ ...add(`bd-${n}`), ts: 1e12 }, n === 2 ? { key } : {});
      await wal.close();
    }
    let isRead = false;
    let isReplaced = false;
    const storage = changedStorage(
      {},
      {
        read: (file, target, position) => {
          const count = file.read(target, position);
          isRead ||= target.includes('"key":"old"');
          return count;
        },
      },
    );
    const clock = {
      ...systemClock,
      yield: async () => {
        if (isRead && !isReplaced) {
          isReplaced = true;
          // As a checkout does it: other files by the same names, which begin with the same entries.
          for (const name of readdirSync(other).filter((file) => /^\d+\.jsonl$/.test(file)))
            renameSync(join(other, name), join(directory, name));
          await wal.head();
        }
        return systemClock.yield();
      },
    };
    const wal = await Wal.openIn(changedEnvironment({ clock, storage }), directory, SMALL);
    assert.equal(await answer(wal, 'old'), 'is 31');
    assert.equal(wal.stats().replacements, 1);
    assert.equal(await answer(wal, 'new'), 'was 2');
    await wal.close();
  }));

test('keys that were read before the log was compacted further do not count: what was compacted meanwhile is read, too', () =>
  inScratch('key-window', async (directory) => {
    await change(directory, (wal) => fill(wal, 8));
    let reads = 0;
    const read = (file: StorageFile, target: Buffer, position: number) => {
      const count = file.read(target, position);
      if (target.includes('"key":"k2"')) reads++;
      return count;
    };
    let yields = 0;
    const clock = {
      ...systemClock,
      yield: async () => {
        // The second after that is when all has been read.
        if (reads > 0 && ++yields === 2) {
          await change(directory, async (other) => {
            await fill(other, 24);
            await other.compact({ fold: lastData, retain: 1 });
          });
          await wal.head();
        }
        return systemClock.yield();
      },
    };
    const storage = changedStorage({}, { read });
    const wal = await Wal.openIn(changedEnvironment({ clock, storage }), directory, SMALL);
    assert.equal(await answer(wal, 'k2'), 'was 2');
    assert.equal(yields > 2, true);
    for (const seq of [1, 12, 20, 32]) assert.equal(await answer(wal, `k${seq}`), `was ${seq}`);
    await wal.close();
  }));
