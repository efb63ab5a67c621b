import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../../src/clock/clock.ts';
import { forgetRewinds, lastData, notedRewinds, type Rewind, Wal, type WalOptions } from '../../src/index.ts';
import { ended, objects, runHere as run, start } from '../../src/lab/command-line.ts';
import { changedEnvironment } from '../../src/lab/wrapped-storage.ts';
import { MarkFile } from '../../src/layout/mark-file.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { FileAccess, Permissions } from '../../src/storage/storage.ts';
import { Repository } from '../support/repository.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';
import { noPipes } from '../support/system.ts';

const SEGMENT = '00000000000000000001.jsonl';
/** A segment or snapshot. */
const OF_LOG = /^(snapshot-)?[0-9]{20}\.jsonl$/;
const add = (n: number) => ({ op: 'add', id: `bd-${n}` });

async function appendTo(log: string, count: number, options: WalOptions = {}): Promise<void> {
  const wal = await Wal.open(log, options);
  for (let n = 1; n <= count; n++) await wal.append(add(n));
  await wal.close();
}

function inLog(body: (log: string, scratch: string) => Promise<void>): Promise<void> {
  return inScratch('marks', async (scratch) => body(join(scratch, '.beads'), scratch));
}

/** Leaves the first lines of a segment, in place. */
function cut(log: string, lines: number): void {
  const path = join(log, SEGMENT);
  const kept = readFileSync(path, 'utf8').split('\n').slice(0, lines);
  writeFileSync(path, kept.map((line) => `${line}\n`).join(''));
}

function markOf(log: string): number {
  const [line = ''] = readFileSync(join(log, 'wal.mark'), 'latin1').split('\n');
  return JSON.parse(line).head.seq;
}

/** What opening tells. */
async function toldAt(log: string, options: WalOptions = {}): Promise<Rewind[]> {
  const told: Rewind[] = [];
  const wal = await Wal.open(log, { ...options, onRewound: (rewind) => told.push(rewind) });
  await wal.close();
  return told;
}

const ranges = (told: readonly Rewind[]) => told.map(({ from, to, head }) => [from, to, head.seq]);

async function verified(log: string) {
  const wal = await Wal.open(log, { readOnly: true });
  try {
    return await wal.verify();
  } finally {
    await wal.close();
  }
}

for (const left of [10, 0]) {
  test(`a log cut from 100 entries to ${left} by hand: opening, verify and doctor say so, as information`, () =>
    inLog(async (log, scratch) => {
      await appendTo(log, 100);
      assert.deepEqual(await toldAt(log), []);
      cut(log, left);
      for (const readOnly of [true, false])
        assert.deepEqual(ranges(await toldAt(log, { readOnly })), [[left + 1, 100, left]]);
      const { ok, rewound } = await verified(log);
      assert.deepEqual([ok, ranges(rewound ? [rewound] : [])], [true, [[left + 1, 100, left]]]);
      const words = new RegExp(
        `this machine saw entry 100 acknowledged; the log here ends at ${left} \\(cut, restored, checked out\\?\\)`,
      );
      const verify = await run(scratch, ['verify']);
      assert.equal(verify.code, 0);
      assert.match(verify.stdout, words);
      const doctor = await run(scratch, ['doctor']);
      assert.equal(doctor.code, 0);
      assert.match(doctor.stdout, words);
      assert.match((await run(scratch, ['read'])).stderr, words);
      const [note] = objects((await run(scratch, ['append', '--op', 'add', '--id', 'z', '--json'])).stderr);
      assert.deepEqual([note.note, note.from, note.to], ['rewound', left + 1, 100]);
    }));
}

test('the next append replaces the mark; doctor keeps what is gone until it is told to forget it', () =>
  inLog(async (log, scratch) => {
    await appendTo(log, 20);
    cut(log, 5);
    assert.equal(markOf(log), 20);
    await appendTo(log, 1);
    assert.equal(markOf(log), 6);
    assert.equal((await verified(log)).rewound, undefined);
    assert.deepEqual(await toldAt(log), []);
    assert.deepEqual(ranges(notedRewinds(log)), [[6, 20, 5]]);
    const gone = /entry 20 acknowledged.*ended at 5.*6 to 20 are missing/;
    assert.match((await run(scratch, ['doctor'])).stdout, gone);
    const told = await run(scratch, ['verify']);
    assert.match(told.stdout, /^verdict +ok: all that is here is whole, but see the note$/m);
    assert.match(told.stdout, gone);
    assert.deepEqual(ranges(JSON.parse((await run(scratch, ['verify', '--json'])).stdout).noted), [
      [6, 20, 5],
    ]);
    const { checks } = JSON.parse((await run(scratch, ['doctor', '--forget', '--json'])).stdout);
    assert.equal(checks.find(({ name }: { name: string }) => name === 'rewound').state, 'ok');
    assert.deepEqual(notedRewinds(log), []);
    assert.match((await run(scratch, ['verify'])).stdout, /^verdict +ok: nothing acknowledged is missing$/m);
    await appendTo(log, 1);
    assert.equal(markOf(log), 7);
  }));

test('a log in whose place another grew past the mark has another entry there', () =>
  inLog(async (log, scratch) => {
    await appendTo(log, 10);
    cpSync(log, join(scratch, 'copy'), { recursive: true });
    await appendTo(log, 10);
    await appendTo(join(scratch, 'copy'), 30);
    cpSync(join(scratch, 'copy', SEGMENT), join(log, SEGMENT));
    assert.deepEqual(ranges(await toldAt(log)), [[20, 20, 40]]);
    assert.match((await run(scratch, ['verify'])).stdout, /has another entry 20, and ends at 40/);
  }));

/** What becomes of a log, of which `older` is a copy of its first entries, under those who have it open. */
const FATES: readonly (readonly [name: string, left: number, fate: (log: string, older: string) => void])[] =
  [
    [
      'is moved away by logrotate, which creates an empty one',
      0,
      (log) => {
        renameSync(join(log, SEGMENT), join(log, `${SEGMENT}.1`));
        writeFileSync(join(log, SEGMENT), '');
      },
    ],
    [
      'is copied by logrotate and truncated',
      0,
      (log) => {
        cpSync(join(log, SEGMENT), join(log, `${SEGMENT}.1`));
        truncateSync(join(log, SEGMENT));
      },
    ],
    [
      'is truncated to its middle',
      12,
      (log) => execFileSync('truncate', ['-s', `${bytesOf(log, 12)}`, join(log, SEGMENT)]),
    ],
    ['is truncated within a line', 12, (log) => truncateSync(join(log, SEGMENT), bytesOf(log, 12) + 7)],
    ['is replaced by an older copy', 9, (log, older) => renameSync(older, join(log, SEGMENT))],
    ['is overwritten by an older copy', 9, (log, older) => cpSync(older, join(log, SEGMENT))],
  ];

const bytesOf = (log: string, lines: number) =>
  Buffer.byteLength(readFileSync(join(log, SEGMENT), 'utf8').split('\n').slice(0, lines).join('\n')) + 1;

for (const [name, left, fate] of FATES) {
  test(`under three open writers a log ${name}: each is told which of its entries are gone`, () =>
    inLog(async (log, scratch) => {
      const told: Rewind[][] = [[], [], []];
      const wals: Wal[] = [];
      for (const each of told) wals.push(await Wal.open(log, { onRewound: (rewind) => each.push(rewind) }));
      const own: number[][] = [[], [], []];
      const round = async () => {
        for (const [i, wal] of wals.entries()) own[i]?.push((await wal.append(add(i))).seq);
      };
      for (let i = 0; i < 3; i++) await round();
      const older = join(scratch, 'older');
      cpSync(join(log, SEGMENT), older);
      for (let i = 0; i < 3; i++) await round();
      const acknowledged = own.map((seqs) => [...seqs]);
      fate(log, older);
      await round();
      await round();
      for (const wal of wals) await wal.close();
      for (const [i, seqs] of acknowledged.entries()) {
        const gone = seqs.filter((seq) => seq > left);
        const [only, ...more] = told[i] as Rewind[];
        assert.deepEqual(more, []);
        assert.equal(only?.to, gone.at(-1));
        // The first of its own that is gone, or, before that, where the log was cut, as far as this one could see.
        assert.ok(only && only.from > left && only.from <= (gone[0] as number), `${only?.from}`);
        assert.equal(wals[i]?.stats().replacements, 1);
      }
      assert.equal(markOf(log), left + 6);
      assert.deepEqual(
        notedRewinds(log)
          .map(({ to }) => to)
          .sort(),
        [16, 17, 18],
      );
      assert.deepEqual(await toldAt(log), []);
    }));
}

test('a segment removed under a Wal in its first second: what was acknowledged is told once that is closed', () =>
  inLog(async (log) => {
    const wal = await Wal.open(log);
    for (let n = 1; n <= 4; n++) await wal.append(add(n));
    rmSync(join(log, SEGMENT));
    await assert.rejects(wal.append(add(5)), { code: 'ERR_WAL_NOT_FOUND', outcome: 'not-written' });
    await wal.close();
    const reader = await Wal.open(log, { readOnly: true });
    const { rewound } = await reader.verify();
    assert.deepEqual([rewound?.from, rewound?.to], [1, 4]);
    await reader.close();
    await assert.rejects(Wal.open(log), { code: 'ERR_WAL_MISSING' });
  }));

test('git stash under an open log: its Wal is told; git stash pop brings the entries back', () =>
  inScratch('marks', async (directory) => {
    const repository = new Repository(directory);
    const { log } = repository;
    const told: Rewind[] = [];
    const wal = await Wal.open(log, { git: true, onRewound: (rewind) => told.push(rewind) });
    for (let n = 1; n <= 3; n++) await wal.append(add(n));
    repository.commit('three entries');
    for (let n = 4; n <= 9; n++) await wal.append(add(n));
    repository.git('stash');
    assert.equal((await wal.head()).seq, 3);
    assert.deepEqual(ranges(told), [[4, 9, 3]]);
    repository.git('stash', 'pop');
    assert.equal((await wal.append(add(10))).seq, 10);
    assert.equal(told.length, 1);
    await wal.close();
    assert.deepEqual(await toldAt(log), []);
  }));

test('a log that went back and forward again is well: no mark that it holds is told or noted', () =>
  inLog(async (log) => {
    const told: Rewind[] = [];
    await appendTo(log, 9);
    const wal = await Wal.open(log, { onRewound: (rewind) => told.push(rewind) });
    const whole = readFileSync(join(log, SEGMENT));
    cut(log, 4);
    assert.equal((await wal.head()).seq, 4);
    writeFileSync(join(log, SEGMENT), whole);
    assert.equal((await wal.append(add(10))).seq, 10);
    await wal.close();
    assert.deepEqual(ranges(told), [[5, 9, 4]]);
    assert.deepEqual(notedRewinds(log), []);
    assert.equal(markOf(log), 10);
  }));

test('a checkout of another branch and back is told as information, and nothing is refused', () =>
  inScratch('marks', async (directory) => {
    const repository = new Repository(directory);
    const { log } = repository;
    await appendTo(log, 2, { git: true });
    repository.commit('two');
    repository.git('checkout', '-q', '-b', 'other');
    await appendTo(log, 3);
    repository.commit('five');
    repository.git('checkout', '-q', 'main');
    assert.deepEqual(ranges(await toldAt(log)), [[3, 5, 2]]);
    repository.git('checkout', '-q', 'other');
    assert.deepEqual(await toldAt(log), []);
    await appendTo(log, 1);
    assert.equal((await verified(log)).rewound, undefined);
  }));

test('a Wal that does nothing more after its log was cut is told when it is closed', () =>
  inLog(async (log) => {
    const told: Rewind[] = [];
    const wal = await Wal.open(log, { onRewound: (rewind) => told.push(rewind) });
    for (let n = 1; n <= 8; n++) await wal.append(add(n));
    cut(log, 2);
    await wal.close();
    assert.deepEqual(ranges(told), [[3, 8, 2]]);
    assert.equal(existsSync(join(log, 'wal.mark')), false);
    assert.deepEqual(ranges(notedRewinds(log)), [[3, 8, 2]]);
  }));

test('of entries that another Wal had acknowledged, one that only reads is told, too', () =>
  inLog(async (log) => {
    await appendTo(log, 6);
    const told: Rewind[] = [];
    const reader = await Wal.open(log, { readOnly: true, onRewound: (rewind) => told.push(rewind) });
    assert.equal((await reader.head()).seq, 6);
    cut(log, 4);
    assert.equal((await reader.head()).seq, 4);
    await reader.close();
    assert.deepEqual(ranges(told), [[5, 6, 4]]);
    assert.equal(markOf(log), 6, 'it writes nothing');
    assert.deepEqual(notedRewinds(log), []);
  }));

test('what onRewound throws is a warning, and the Wal goes on', () =>
  inLog(async (log) => {
    await appendTo(log, 3);
    cut(log, 1);
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const wal = await Wal.open(log, {
      onRewound: () => {
        throw new Error('no');
      },
    });
    assert.equal((await wal.append(add(2))).seq, 2);
    await wal.close();
    assert.match((await warned).message, /onRewound threw \(no\)/);
  }));

test('a compaction that takes away the marked entry is no loss: a snapshot stands for it', () =>
  inLog(async (log) => {
    await appendTo(log, 30);
    const mark = readFileSync(join(log, 'wal.mark'));
    const wal = await Wal.open(log);
    await wal.compact({ fold: lastData, retain: 1 });
    await wal.append(add(31));
    await wal.append(add(32));
    await wal.close();
    assert.equal(readdirSync(log).filter((name) => /^0/.test(name)).length, 1);
    writeFileSync(join(log, 'wal.mark'), mark);
    assert.equal(markOf(log), 30);
    assert.deepEqual(await toldAt(log), []);
    assert.equal((await verified(log)).rewound, undefined);
  }));

test('in a log of many segments the mark is found in an earlier one, and missed where that holds another', () =>
  inLog(async (log, scratch) => {
    const small = { segmentBytes: 4096 };
    await appendTo(log, 10, small);
    cpSync(log, join(scratch, 'copy'), { recursive: true });
    const mark = readFileSync(join(log, 'wal.mark'));
    await appendTo(log, 100, small);
    writeFileSync(join(log, 'wal.mark'), mark);
    assert.deepEqual(await toldAt(log), []);
    await appendTo(join(scratch, 'copy'), 5, small);
    writeFileSync(join(log, 'wal.mark'), readFileSync(join(scratch, 'copy', 'wal.mark')));
    assert.deepEqual(ranges(await toldAt(log)), [[15, 15, 110]]);
  }));

test('a segment that is full raises the mark at once, and a pause does later: not each append', () =>
  inLog(async (log) => {
    const later: (() => void)[] = [];
    const clock = {
      ...systemClock,
      later: (_ms: number, work: () => void) => {
        later.push(work);
        return () => {};
      },
    };
    const wal = await Wal.openIn(changedEnvironment({ clock }), log, { segmentBytes: 4096 });
    for (let n = 1; n <= 3; n++) await wal.append(add(n));
    assert.equal(existsSync(join(log, 'wal.mark')), false);
    assert.equal(later.length, 1);
    await systemClock.yield();
    later[0]?.();
    assert.equal(markOf(log), 3);
    const data = 'x'.repeat(5000);
    await wal.append({ op: 'add', id: 'big', data });
    assert.equal(markOf(log), 4);
    await wal.append(add(5));
    assert.equal(later.length, 2);
    assert.equal(markOf(log), 4);
    await wal.close();
    assert.equal(markOf(log), 5);
  }));

test('the mark keeps no process alive, and one that ends without closing leaves an older one', () =>
  inLog(async (log) => {
    await appendTo(log, 2);
    const entry = pathToFileURL(join(packageRoot(), 'dist/jsonl-wal.js')).href;
    const script = `const { Wal } = await import(${JSON.stringify(entry)});
      const wal = await Wal.open(${JSON.stringify(log)});
      await wal.append({ op: 'add', id: 'bd-3' });`;
    const start = performance.now();
    const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 60_000,
    });
    assert.equal(status, 0, `${performance.now() - start} ms`);
    assert.equal(markOf(log), 2);
    assert.deepEqual(await toldAt(log), []);
  }));

test('a mark is only raised, but for one that the log was found not to hold', () =>
  inScratch('marks', (directory) => {
    const log = '0123456789abcdef';
    const mark = new MarkFile({ storage: nodeStorage, directory, log, now: () => 7 });
    const at = (seq: number, crc = '0000000a') => ({ seq, crc, kept: false });
    assert.equal(mark.read(), undefined);
    mark.raise(at(5), undefined, undefined);
    mark.raise(at(3), undefined, undefined);
    mark.raise(at(5, '0000000b'), undefined, undefined);
    assert.deepEqual(mark.read(), at(5));
    const rewind = { from: 3, to: 5, head: { seq: 2, crc: '0000000a' } };
    mark.raise(at(3), at(5, '0000000b'), rewind);
    assert.deepEqual([mark.read(), mark.noted()], [at(5), []]);
    mark.raise(at(3), at(5), rewind);
    assert.deepEqual([mark.read(), mark.noted()], [at(3), [{ ...rewind, ts: 7 }]]);
    mark.raise(at(2 ** 53 - 1), undefined, undefined);
    assert.deepEqual(mark.read(), at(2 ** 53 - 1));
    assert.equal(readFileSync(join(directory, 'wal.mark')).length, 128);
    const other = new MarkFile({ storage: nodeStorage, directory, log: 'f'.repeat(16), now: () => 7 });
    assert.deepEqual([other.read(), other.noted()], [undefined, []]);
  }));

function without(path: string): string {
  rmSync(path);
  return path;
}

for (const [what, spoil] of [
  ['empty', (path: string) => writeFileSync(path, '')],
  ['of noise', (path: string) => writeFileSync(path, Buffer.alloc(300, 0xff))],
  ['cut', (path: string) => truncateSync(path, 60)],
  [
    'with a byte changed',
    (path: string) => writeFileSync(path, readFileSync(path, 'latin1').replace('"seq":9', '"seq":7')),
  ],
  ['a directory', (path: string) => mkdirSync(without(path))],
  ['a pipe', (path: string) => execFileSync('mkfifo', [without(path)])],
] as const) {
  const skip = what === 'a pipe' && noPipes;
  test(`a wal.mark that is ${what} counts as none, and an append goes well`, { skip }, () =>
    inLog(async (log) => {
      await appendTo(log, 9);
      cut(log, 5);
      spoil(join(log, 'wal.mark'));
      assert.deepEqual(await toldAt(log), []);
      assert.equal((await verified(log)).rewound, undefined);
      await appendTo(log, 1);
      if (what !== 'a directory' && what !== 'a pipe') assert.equal(markOf(log), 6);
    }),
  );
}

test('a link in the place of wal.mark or wal.rewound is not written through', () =>
  inLog(async (log, scratch) => {
    await appendTo(log, 9);
    const precious = join(scratch, 'precious');
    writeFileSync(precious, 'mine');
    cut(log, 5);
    symlinkSync(precious, join(log, 'wal.rewound'));
    await appendTo(log, 1);
    assert.deepEqual(ranges(notedRewinds(log)), [[6, 9, 5]]);
    rmSync(join(log, 'wal.mark'));
    symlinkSync(precious, join(log, 'wal.mark'));
    await appendTo(log, 1);
    assert.equal(markOf(log), 7);
    assert.equal(readFileSync(precious, 'utf8'), 'mine');
  }));

test('a wal.rewound with lines that cannot be read tells the others', () =>
  inLog(async (log) => {
    await appendTo(log, 9);
    cut(log, 5);
    writeFileSync(join(log, 'wal.rewound'), '{"crc":"00000000","from":1}\nnoise\n');
    await appendTo(log, 1);
    appendFileSync(join(log, 'wal.rewound'), '{"crc":');
    assert.deepEqual(ranges(notedRewinds(log)), [[6, 9, 5]]);
    forgetRewinds(log);
    forgetRewinds(log);
    assert.deepEqual(
      readdirSync(log).filter((name) => /mark|rewound/.test(name)),
      [],
    );
  }));

test(
  'where the mark cannot be written, appending and closing go well',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  () =>
    inLog(async (log) => {
      await appendTo(log, 1);
      rmSync(join(log, 'wal.mark'));
      chmodSync(log, 0o555);
      try {
        await appendTo(log, 1);
        assert.equal(existsSync(join(log, 'wal.mark')), false);
      } finally {
        chmodSync(log, 0o755);
      }
    }),
);

test('backup and export take no mark along; restore, salvage and a mended tail set it anew', () =>
  inLog(async (log, scratch) => {
    await appendTo(log, 9);
    cut(log, 8);
    await appendTo(log, 1);
    const wal = await Wal.open(log, { readOnly: true });
    await wal.backup(join(scratch, 'backup'));
    await wal.close();
    assert.deepEqual(readdirSync(join(scratch, 'backup')).sort(), [SEGMENT, 'wal.json']);
    await Wal.restore(join(scratch, 'backup'), join(scratch, 'restored'), { toSeq: 6 });
    assert.equal(markOf(join(scratch, 'restored')), 6);
    assert.deepEqual(await toldAt(join(scratch, 'restored')), []);
    rmSync(join(scratch, 'restored', SEGMENT));
    await assert.rejects(Wal.open(join(scratch, 'restored')), { code: 'ERR_WAL_MISSING', seq: 6 });

    const lines = readFileSync(join(log, SEGMENT), 'utf8').split('\n');
    lines[3] = (lines[3] as string).replace('bd-4', 'bd-X');
    writeFileSync(join(log, SEGMENT), lines.join('\n'));
    const told: Rewind[] = [];
    await Wal.repair(log, { mode: 'salvage' });
    assert.equal(markOf(log), 9);
    assert.deepEqual(told.concat(await toldAt(log)), []);

    cut(log, 8);
    appendFileSync(join(log, SEGMENT), 'noise\n');
    await Wal.repair(log, { mode: 'tail' });
    assert.equal(markOf(log), 9);
    assert.deepEqual(await toldAt(log), []);
  }));

test('a salvage under an open Wal whose entries it keeps tells of none that is gone', () =>
  inLog(async (log) => {
    const told: Rewind[] = [];
    const wal = await Wal.open(log, { onRewound: (rewind) => told.push(rewind) });
    for (let n = 1; n <= 9; n++) await wal.append(add(n));
    const lines = readFileSync(join(log, SEGMENT), 'utf8').split('\n');
    lines[3] = (lines[3] as string).replace('bd-4', 'bd-X');
    writeFileSync(join(log, SEGMENT), lines.join('\n'));
    await Wal.repair(log, { mode: 'salvage' });
    assert.equal((await wal.append(add(10))).seq, 10);
    await wal.close();
    assert.deepEqual(told, []);
    assert.equal(markOf(log), 10);
  }));

test('doctor says of a log that ends in a seal, whose next segment is not there, that it does', () =>
  inLog(async (log, scratch) => {
    const small = { segmentBytes: 4096 };
    await appendTo(log, 60, small);
    const last = readdirSync(log).findLast((name) => /^[0-9]{20}/.test(name)) as string;
    assert.notEqual(last, SEGMENT);
    const tail = async () => {
      const { checks } = JSON.parse((await run(scratch, ['doctor', '--json'])).stdout);
      return checks.find(({ name }: { name: string }) => name === 'tail');
    };
    assert.doesNotMatch((await tail()).message, /seal/);
    rmSync(join(log, last));
    assert.match((await tail()).message, /in a seal: the next append makes the segment that follows/);
    assert.equal((await tail()).state, 'ok');
    assert.equal((await verified(log)).sealed, true);
    assert.equal((await toldAt(log)).length, 1);
  }));

test('a command under which the log is truncated says on standard error what is gone, and ends well', () =>
  inLog(async (log, scratch) => {
    await appendTo(log, 2);
    const child = start(scratch, ['append', '--json']);
    const ending = ended(child);
    const { stdin, stdout } = child;
    assert.ok(stdin && stdout);
    const acknowledged = () => new Promise((resolve) => stdout.once('data', resolve));
    for (let n = 3; n <= 5; n++) {
      const done = acknowledged();
      stdin.write(`${JSON.stringify(add(n))}\n`);
      await done;
    }
    cut(log, 3);
    stdin.end(`${JSON.stringify(add(6))}\n`);
    const { code, stderr } = await ending;
    assert.equal(code, 0, stderr);
    const [note] = objects(stderr);
    assert.deepEqual([note.note, note.from, note.to, note.head.seq], ['rewound', 4, 5, 3]);
    assert.equal(markOf(log), 4);
  }));

test('a last line that lost its newline is not taken for one that is gone, nor is one that is damaged', () =>
  inLog(async (log) => {
    await appendTo(log, 5);
    const path = join(log, SEGMENT);
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, whole.slice(0, -1));
    assert.deepEqual(await toldAt(log), []);
    assert.deepEqual(await toldAt(log, { readOnly: true }), []);
    assert.equal((await verified(log)).rewound, undefined);
    await appendTo(log, 1);
    assert.deepEqual(notedRewinds(log), []);
    writeFileSync(path, whole.replace('bd-5', 'bd-X'));
    const told: Rewind[] = [];
    await assert.rejects(Wal.open(log, { onRewound: (rewind) => told.push(rewind) }), {
      code: 'ERR_WAL_CORRUPT',
    });
    assert.deepEqual(told, []);
  }));

test('a Wal that opens while its segment is compacted away tells of nothing that is gone', () =>
  inLog(async (log, scratch) => {
    const small = { segmentBytes: 4096 };
    await appendTo(log, 60, small);
    const [before, last] = readdirSync(log)
      .filter((name) => OF_LOG.test(name))
      .slice(-2) as [string, string];
    const further = join(scratch, 'further');
    cpSync(log, further, { recursive: true });
    const other = await Wal.open(further, small);
    await other.append(add(61));
    await other.compact({ fold: lastData, retain: 1 });
    await other.append(add(62));
    await other.close();
    let looks = 0;
    const storage = {
      ...nodeStorage,
      open: (path: string, access: FileAccess, as?: Permissions) => {
        // To see that it leads to the last one: once when that is made where it is missing, once to begin there.
        if (basename(path) === before && ++looks === 2) {
          for (const name of [...readdirSync(log), ...readdirSync(further)]) {
            if (!OF_LOG.test(name) && name !== 'wal.mark') continue;
            rmSync(join(log, name), { force: true });
            if (existsSync(join(further, name))) cpSync(join(further, name), join(log, name));
          }
          // Open before it was deleted.
          return nodeStorage.open(join(scratch, 'kept', before), access, as);
        }
        return nodeStorage.open(path, access, as);
      },
    };
    cpSync(log, join(scratch, 'kept'), { recursive: true });
    const told: Rewind[] = [];
    const onRewound = (rewind: Rewind) => told.push(rewind);
    const wal = await Wal.openIn(changedEnvironment({ storage }), log, { ...small, onRewound });
    assert.equal((await wal.append(add(63))).seq, 63);
    await wal.close();
    assert.deepEqual([looks >= 2, existsSync(join(log, last)), told], [true, true, []]);
    assert.deepEqual(notedRewinds(log), []);
    assert.equal(markOf(log), 63);
  }));
