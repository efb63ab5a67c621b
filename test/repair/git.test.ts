import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LogRecord, lastData, Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { recordsIn } from '../support/audit.ts';
import { Repository } from '../support/repository.ts';
import { inScratch } from '../support/scratch.ts';

const add = (id: string) => ({ op: 'add', id });
const idsIn = async (directory: string) => (await recordsIn(directory)).map(({ id }) => id);
const SEGMENT = '00000000000000000001.jsonl';

/** A follower that keeps what it saw, and what it ended in. */
function follow(wal: Wal, from?: LogRecord) {
  const stop = new AbortController();
  const seen: LogRecord[] = [];
  const ended = (async () => {
    try {
      for await (const record of wal.follow({ signal: stop.signal, ...(from && { from }) }))
        seen.push(record);
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  })();
  const saw = async (id: string) => {
    for (let waited = 0; !seen.some((record) => record.id === id); waited += 10) {
      assert.ok(waited < 60_000, `the follower never saw ${id}`);
      await sleep(10);
    }
  };
  return { seen, ended, saw, stop: () => stop.abort() };
}

/** Runs `body` with a repository that holds a log of three committed entries, and an open Wal on it. */
async function inRepository(body: (repository: Repository, wal: Wal) => Promise<void>): Promise<void> {
  await inScratch('git', async (directory) => {
    const repository = new Repository(directory);
    const wal = await Wal.open(repository.log, { git: true });
    try {
      for (const id of ['bd-0', 'bd-1', 'bd-2']) await wal.append(add(id));
      repository.commit('three entries');
      await body(repository, wal);
    } finally {
      await wal.close();
    }
  });
}

test('after a checkout of another branch, appends go to the log now there; the branch that was left keeps its own', () =>
  inRepository(async (repository, wal) => {
    const { log } = repository;
    repository.git('branch', 'other');
    await wal.append(add('bd-main'));
    repository.git('commit', '-qam', 'one more');
    repository.git('checkout', '-q', 'other');
    const { seq } = await wal.append(add('bd-other'));
    assert.equal(seq, 4);
    assert.deepEqual(await idsIn(log), ['bd-0', 'bd-1', 'bd-2', 'bd-other']);
    assert.deepEqual(wal.stats().replacements, 1);
    repository.git('commit', '-qam', 'another');
    repository.git('checkout', '-q', 'main');
    wal.appendSync(add('bd-back'));
    assert.deepEqual(await idsIn(log), ['bd-0', 'bd-1', 'bd-2', 'bd-main', 'bd-back']);
    assert.equal((await wal.verify()).error, undefined);
  }));

test('checkouts back and forth under a writer that never pauses: what is acknowledged after one is in the file now there', () =>
  inRepository(async (repository, wal) => {
    repository.git('branch', 'other');
    let moving = true;
    const since = { checkout: 0 };
    const acknowledged: { id: string; checkout: number }[] = [];
    const writing = (async () => {
      for (let i = 0; moving; i++) {
        // What is under way during a checkout may land on either side of it.
        const { checkout } = since;
        await wal.append(add(`bd-w${i}`));
        if (checkout === since.checkout) acknowledged.push({ id: `bd-w${i}`, checkout });
      }
    })();
    const severalMore = async () => {
      for (const { length } = acknowledged; acknowledged.length < length + 3; ) await sleep(5);
    };
    for (let round = 0; round < 6; round++) {
      await severalMore();
      // git runs while this thread is blocked: nothing is acknowledged in the middle of it, and of what was
      // under way one write may still land. Landing between the commit and the checkout, it makes git refuse,
      // rightly, and the next try commits it.
      for (let tries = 1; ; tries++) {
        repository.git('commit', '-qam', `round ${round}`, '--allow-empty');
        try {
          repository.git('checkout', '-q', round % 2 === 0 ? 'other' : 'main');
          break;
        } catch (error) {
          if (tries === 5) throw error;
        }
      }
      since.checkout++;
    }
    await severalMore();
    moving = false;
    await writing;
    const there = new Set(await idsIn(repository.log));
    const last = acknowledged.filter(({ checkout }) => checkout === since.checkout);
    assert.ok(last.length >= 3);
    assert.deepEqual(
      last.filter(({ id }) => !there.has(id)).map(({ id }) => id),
      [],
    );
    assert.equal((await wal.verify()).error, undefined);
  }));

test('after git stash, and stash pop, under a writer, appends go to the file now there', () =>
  inRepository(async (repository, wal) => {
    await wal.append(add('bd-stashed'));
    repository.git('stash', '-q');
    assert.equal((await wal.append(add('bd-after'))).seq, 4);
    assert.deepEqual(await idsIn(repository.log), ['bd-0', 'bd-1', 'bd-2', 'bd-after']);
    repository.git('checkout', '-q', '--', '.');
    repository.git('stash', 'pop', '-q');
    assert.equal((await wal.append(add('bd-popped'))).seq, 5);
    assert.deepEqual(await idsIn(repository.log), ['bd-0', 'bd-1', 'bd-2', 'bd-stashed', 'bd-popped']);
  }));

test('a fast-forward merge under a writer, a reader and a follower: all go on in the longer log', () =>
  inRepository(async (repository, wal) => {
    repository.git('checkout', '-q', '-b', 'feature');
    await wal.append(add('bd-feature'));
    repository.git('commit', '-qam', 'feature');
    repository.git('checkout', '-q', 'main');
    const reader = await Wal.open(repository.log, { readOnly: true });
    const follower = follow(reader);
    await follower.saw('bd-2');
    repository.git('merge', '-q', '--ff-only', 'feature');
    await follower.saw('bd-feature');
    assert.equal((await wal.append(add('bd-merged'))).seq, 5);
    await follower.saw('bd-merged');
    assert.deepEqual((await reader.head()).seq, 5);
    follower.stop();
    assert.equal(await follower.ended, undefined);
    const ids = ['bd-0', 'bd-1', 'bd-2', 'bd-feature', 'bd-merged'];
    assert.deepEqual(
      follower.seen.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(await idsIn(repository.log), ids);
    await reader.close();
  }));

test('a follower whose last record is gone after a checkout is told that the log diverged', () =>
  inRepository(async (repository, wal) => {
    repository.git('branch', 'other');
    await wal.append(add('bd-main'));
    const follower = follow(wal);
    await follower.saw('bd-main');
    repository.git('commit', '-qam', 'one more');
    repository.git('checkout', '-q', 'other');
    await wal.append(add('bd-other'));
    assert.equal(await follower.ended, 'ERR_WAL_DIVERGED');
  }));

test('a cursor from before a checkout that dropped it is refused', () =>
  inRepository(async (repository, wal) => {
    await wal.append(add('bd-3'));
    const cursor = await wal.head();
    repository.git('checkout', '-q', '--', '.');
    await wal.append(add('bd-else'));
    await assert.rejects(
      (async () => {
        for await (const _ of wal.read({ from: cursor }));
      })(),
      { code: 'ERR_WAL_DIVERGED' },
    );
  }));

test('a checkout that takes the log out and one that puts it back: a follower and a writer go on', () =>
  inRepository(async (repository, wal) => {
    const follower = follow(wal);
    await follower.saw('bd-2');
    repository.git('checkout', '-q', '--orphan', 'empty');
    repository.git('rm', '-rqf', '.');
    const appending = wal.append(add('bd-3'));
    await sleep(100);
    repository.git('checkout', '-q', 'main');
    assert.equal((await appending).seq, 4);
    await follower.saw('bd-3');
    follower.stop();
    assert.equal(await follower.ended, undefined);
    assert.deepEqual(await idsIn(repository.log), ['bd-0', 'bd-1', 'bd-2', 'bd-3']);
  }));

/** Runs `body` with a Wal that has two entries. */
async function withTwo(body: (directory: string, wal: Wal) => Promise<void>): Promise<void> {
  await inScratch('git', async (directory) => {
    // Large enough that no seal comes after a long line.
    const wal = await Wal.open(directory, { segmentBytes: 2 ** 20 });
    try {
      await wal.append(add('bd-0'));
      await wal.append(add('bd-1'));
      await body(directory, wal);
    } finally {
      await wal.close();
    }
  });
}

/** What the log in `directory` would be had another writer made its second entry, with this id. */
async function rewritten(directory: string, id: string): Promise<Buffer> {
  const other = `${directory}-other`;
  cpSync(directory, other, { recursive: true });
  try {
    const [first] = readFileSync(join(other, SEGMENT), 'utf8').split('\n');
    writeFileSync(join(other, SEGMENT), `${first}\n`);
    const writer = await Wal.open(other);
    await writer.append(add(id));
    await writer.close();
    return readFileSync(join(other, SEGMENT));
  } finally {
    rmSync(other, { recursive: true });
  }
}

test('a log rewritten in place, in equal length, is noticed before the next acknowledgement', () =>
  withTwo(async (directory, wal) => {
    const bytes = await rewritten(directory, 'bd-X');
    assert.equal(bytes.length, readFileSync(join(directory, SEGMENT)).length);
    writeFileSync(join(directory, SEGMENT), bytes);
    assert.equal((await wal.append(add('bd-2'))).seq, 3);
    assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-X', 'bd-2']);
  }));

test('the last line changed in place, its checksum kept, is noticed: nothing is built on it', () =>
  withTwo(async (directory, wal) => {
    const path = join(directory, SEGMENT);
    const reader = await Wal.open(directory, { readOnly: true });
    const head = await reader.head();
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"id":"bd-1"', '"id":"bd-9"'));
    const damaged = { code: 'ERR_WAL_CORRUPT', outcome: 'not-written' };
    await assert.rejects(wal.append(add('bd-2')), damaged);
    assert.throws(() => wal.appendSync(add('bd-2')), damaged);
    assert.equal((await reader.head()).seq, 1);
    writeFileSync(path, text);
    assert.deepEqual(await reader.head(), head);
    assert.equal((await wal.append(add('bd-2'))).seq, 3);
    assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-1', 'bd-2']);
    await reader.close();
  }));

test('a long last line rewritten in place, in equal length, is noticed: nothing is built on it', () =>
  inScratch('git', async (scratch) => {
    const long = (id: string) => ({ ...add(id), data: 'x'.repeat(200_000) });
    const [directory, other] = [join(scratch, 'log'), join(scratch, 'other')];
    const wal = await Wal.open(directory);
    cpSync(directory, other, { recursive: true });
    const writer = await Wal.open(other);
    await wal.append(long('bd-0'));
    await writer.append(long('bd-X'));
    await writer.close();
    writeFileSync(join(directory, SEGMENT), readFileSync(join(other, SEGMENT)));
    assert.equal((await wal.append(add('bd-1'))).seq, 2);
    assert.deepEqual(await idsIn(directory), ['bd-X', 'bd-1']);
    assert.equal(wal.stats().replacements, 1);
    await wal.close();
  }));

for (const seen of ['before the sync ends', 'by the look after the sync'] as const) {
  test(`an append whose log gives way to a copy of it is synced there, too: ${seen}`, () =>
    inScratch('git', async (directory) => {
      const path = join(directory, SEGMENT);
      const synced = new Set<string>();
      let meanwhile = async () => {};
      const sync = async (file: StorageFile) => {
        await file.sync();
        synced.add(String(file.look().inode));
        await meanwhile();
      };
      const syncNow = (file: StorageFile) => {
        file.syncNow();
        synced.add(String(file.look().inode));
      };
      const storage = changedStorage({}, { sync, syncNow });
      const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
      meanwhile = async () => {
        meanwhile = async () => {};
        cpSync(path, `${path}.new`);
        renameSync(`${path}.new`, path);
        if (seen === 'before the sync ends') assert.equal((await wal.head()).seq, 2);
      };
      // Two at once are synced off the thread.
      await Promise.all(['bd-0', 'bd-1'].map((id) => wal.append(add(id))));
      assert.ok(synced.has(String(statSync(path).ino)), 'what lies there now was not synced');
      assert.equal(wal.stats().replacements, 1);
      await wal.close();
      assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-1']);
    }));
}

for (const [when, how] of [
  ['before the write', 'append'],
  ['before the write', 'appendSync'],
  ['after the sync', 'append'],
  ['after the sync', 'appendSync'],
  ['after the sync', 'both'],
] as const) {
  test(`a log replaced ${when} by one without the entries gets them again, once (${how})`, async () => {
    await inScratch('git', async (directory) => {
      const path = join(directory, SEGMENT);
      let replace = () => {};
      const storage = changedStorage(
        {},
        {
          sync: async (file) => {
            await file.sync();
            if (when !== 'before the write') replace();
          },
          syncNow: (file) => {
            file.syncNow();
            if (when !== 'before the write') replace();
          },
          append: (file, pieces) => {
            if (when === 'before the write') replace();
            return file.append(pieces);
          },
        },
      );
      const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
      await wal.append(add('bd-0'));
      const kept = readFileSync(path);
      replace = () => {
        replace = () => {};
        writeFileSync(`${path}.new`, kept);
        renameSync(`${path}.new`, path);
      };
      const ids = ['bd-1', 'bd-2', 'bd-3'];
      const seqs = ids.map(async (id) => {
        const blocking = how === 'appendSync' || (how === 'both' && id === 'bd-3');
        return (blocking ? wal.appendSync(add(id)) : await wal.append(add(id))).seq;
      });
      assert.deepEqual(await Promise.all(seqs), [2, 3, 4]);
      await wal.close();
      assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-1', 'bd-2', 'bd-3']);
    });
  });
}

test('an append whose file was rewritten under its write cannot be taken back any more, and is in the log that lies there then', async () => {
  await inScratch('git', async (directory) => {
    const abort = new AbortController();
    let rewrite = () => {};
    const append = (file: StorageFile, pieces: readonly Buffer[]) => {
      rewrite();
      return file.append(pieces);
    };
    const wal = await Wal.openIn(changedEnvironment({ storage: changedStorage({}, { append }) }), directory);
    for (const id of ['bd-0', 'bd-1']) await wal.append(add(id));
    const bytes = await rewritten(directory, 'bd-longer');
    rewrite = () => {
      rewrite = () => {};
      writeFileSync(join(directory, SEGMENT), bytes);
      setTimeout(() => abort.abort(), 5);
    };
    assert.equal((await wal.append(add('bd-2'), { signal: abort.signal })).seq, 3);
    assert.equal(abort.signal.aborted, true);
    await wal.close();
    assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-longer', 'bd-2']);
  });
});

test('a log that was deleted: appends are refused, and say that it is gone', () =>
  withTwo(async (directory, wal) => {
    rmSync(join(directory, SEGMENT));
    await assert.rejects(wal.append(add('bd-2')), {
      code: 'ERR_WAL_NOT_FOUND',
      outcome: 'not-written',
      message: /missing from .* open it again/,
    });
    assert.throws(() => wal.appendSync(add('bd-2')), { code: 'ERR_WAL_NOT_FOUND' });
    await assert.rejects(wal.head(), { code: 'ERR_WAL_NOT_FOUND' });
  }));

test('another log in its place: appends are refused, and nothing is written to it', () =>
  withTwo(async (directory, wal) => {
    const elsewhere = `${directory}-elsewhere`;
    const other = await Wal.open(elsewhere);
    await other.append(add('bd-else'));
    await other.close();
    for (const name of ['wal.json', SEGMENT]) renameSync(join(elsewhere, name), join(directory, name));
    rmSync(elsewhere, { recursive: true });
    const refused = {
      code: 'ERR_WAL_DIVERGED',
      outcome: 'not-written',
      message: /another log .* open it again/,
    };
    await assert.rejects(wal.append(add('bd-2')), refused);
    assert.throws(() => wal.appendSync(add('bd-2')), refused);
    assert.deepEqual(await idsIn(directory), ['bd-else']);
  }));

test('a segment of another log beside this log is refused, and left alone', async () => {
  await inScratch('git', async (directory) => {
    const [here, elsewhere] = [join(directory, 'here'), join(directory, 'elsewhere')] as const;
    for (const each of [here, elsewhere]) {
      const wal = await Wal.open(each);
      for (const id of ['bd-0', 'bd-1']) await wal.append(add(id));
      await wal.close();
    }
    const stray = '00000000000000000002.jsonl';
    const line = readFileSync(join(elsewhere, SEGMENT), 'utf8').split('\n')[1];
    writeFileSync(join(here, stray), `${line}\n`);
    await assert.rejects(Wal.open(here), { code: 'ERR_WAL_DIVERGED', segment: stray });
    assert.equal(readFileSync(join(here, stray), 'utf8'), `${line}\n`);
  });
});

test('an append after a seal waits for a directory that is away for a moment', () =>
  inScratch('git', async (scratch) => {
    const directory = join(scratch, 'log');
    const wal = await Wal.open(directory, { fold: lastData });
    await wal.append(add('bd-1'));
    await wal.compact();
    renameSync(directory, `${directory}-away`);
    const appended = wal.append(add('bd-2'));
    await sleep(20);
    renameSync(`${directory}-away`, directory);
    assert.equal((await appended).seq, 2);
    await wal.close();
  }));

test('a follower goes on when the whole directory is away for a moment', () =>
  withTwo(async (directory, wal) => {
    const follower = follow(wal);
    await follower.saw('bd-1');
    const away = `${directory}-away`;
    renameSync(directory, away);
    await sleep(200);
    mkdirSync(directory);
    rmSync(directory, { recursive: true });
    renameSync(away, directory);
    await wal.append(add('bd-2'));
    await follower.saw('bd-2');
    follower.stop();
    assert.equal(await follower.ended, undefined);
  }));

test('a follower waits for a line that is not whole yet, and then delivers it', () =>
  withTwo(async (directory, wal) => {
    const copy = await Wal.open(directory);
    const follower = follow(wal);
    await follower.saw('bd-1');
    const path = join(directory, SEGMENT);
    const before = readFileSync(path);
    await copy.append(add('bd-2'));
    await copy.close();
    const line = readFileSync(path).subarray(before.length);
    await follower.saw('bd-2');
    follower.stop();
    writeFileSync(path, before);
    const again = follow(wal);
    await again.saw('bd-1');
    appendFileSync(path, line.subarray(0, 40));
    await sleep(100);
    assert.equal(again.seen.length, 2);
    appendFileSync(path, line.subarray(40));
    await again.saw('bd-2');
    again.stop();
    assert.deepEqual([await follower.ended, await again.ended], [undefined, undefined]);
  }));

for (const size of [100, 1000, 140_000, 300_000]) {
  for (const cut of [17, 115, 230]) {
    test(`a log whose last line of ${size} bytes lost ${cut} of them under an open writer is read anew before the next append`, () =>
      withTwo(async (directory, wal) => {
        await wal.append({ ...add('bd-cut'), data: 'x'.repeat(size) });
        const path = join(directory, SEGMENT);
        truncateSync(path, readFileSync(path).length - Math.min(cut, size));
        assert.equal((await wal.append(add('bd-2'))).seq, 3);
        assert.equal(wal.appendSync(add('bd-3')).seq, 4);
        assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-1', 'bd-2', 'bd-3']);
      }));
  }
}

test('a log opened while its segment is away for a moment, as in a checkout, waits for it', () =>
  withTwo(async (directory) => {
    const path = join(directory, SEGMENT);
    renameSync(path, `${path}.away`);
    setTimeout(() => renameSync(`${path}.away`, path), 100);
    const other = await Wal.open(directory);
    assert.equal((await other.append(add('bd-2'))).seq, 3);
    await other.close();
    assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-1', 'bd-2']);
  }));
