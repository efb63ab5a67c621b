import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { examine } from '../../src/cli/commands/doctor.ts';
import { straysAmong } from '../../src/format/strays.ts';
import { lastData, Wal, type WalOptions } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

const SMALL = { segmentBytes: 4096 } as const;
const FIRST = '00000000000000000001';
const SEGMENT = `${FIRST}.jsonl`;

async function append(log: string, count: number, options: WalOptions = SMALL): Promise<void> {
  const wal = await Wal.open(log, options);
  for (let n = 1; n <= count; n++) await wal.append({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(300) });
  await wal.close();
}

function inLog(count: number, body: (log: string, scratch: string) => Promise<void>): Promise<void> {
  return inScratch('strays', async (scratch) => {
    const log = join(scratch, '.beads');
    await append(log, count);
    await body(log, scratch);
  });
}

/** What iCloud does with a file that was not used for long. */
function evict(log: string, name: string): () => void {
  const elsewhere = join(log, '..', `cloud-${name}`);
  const placeholder = join(log, `.${name}.icloud`);
  renameSync(join(log, name), elsewhere);
  writeFileSync(placeholder, 'bplist00');
  return () => {
    rmSync(placeholder);
    renameSync(elsewhere, join(log, name));
  };
}

const filesOf = (log: string) => readdirSync(log).filter((name) => !name.startsWith('wal.lock'));
const jsonl = (log: string) => readdirSync(log).filter((name) => /^(snapshot-)?[0-9]{20}\.jsonl$/.test(name));

const NAMES: readonly (readonly [name: string, kind: string | undefined])[] = [
  [`.${FIRST}.jsonl.icloud`, 'placeholder'],
  ['.wal.json.icloud', 'placeholder'],
  [`.snapshot-${FIRST}.jsonl.icloud`, 'placeholder'],
  [`${FIRST}.sync-conflict-20240517-101112-ABCDEFG.jsonl`, 'conflict'],
  [`${FIRST} (Ann's conflicted copy 2024-05-17).jsonl`, 'conflict'],
  ['wal (conflicted copy).json', 'conflict'],
  [`${FIRST}.jsonl.1`, 'rotated'],
  [`${FIRST}.jsonl-20240517`, 'rotated'],
  [`${FIRST}.jsonl.gz`, 'rotated'],
  [`${FIRST}.jsonl.2.gz`, 'rotated'],
  [`${FIRST} (copy).jsonl`, 'copy'],
  [`${FIRST} (1).jsonl`, 'copy'],
  [`${FIRST} 2.jsonl`, 'copy'],
  [`${FIRST} - Copy.jsonl`, 'copy'],
  [`${FIRST}.jsonl.orig`, 'copy'],
  [`snapshot-${FIRST} (1).jsonl`, 'copy'],
  ['wal (1).json', 'copy'],
  [SEGMENT, undefined],
  [`snapshot-${SEGMENT}`, undefined],
  ['wal.json', undefined],
  ['wal.lock', undefined],
  ['wal.lock.held', undefined],
  ['wal.failed-sync', undefined],
  ['wal.mark', undefined],
  ['wal.rewound', undefined],
  [`snapshot-${FIRST}.jsonl.0123456789ab.tmp`, undefined],
  [`.syncthing.${FIRST}.jsonl.tmp`, undefined],
  ['backups', undefined],
  ['.gitignore', undefined],
  ['beads.db', undefined],
];

test('a file that bears the name of one of a log, changed, is told by its kind; no other is', () => {
  for (const [name, kind] of NAMES)
    assert.deepEqual(straysAmong([name]), kind === undefined ? [] : [{ name, kind }], name);
  const beside = straysAmong([SEGMENT, `.${SEGMENT}.icloud`]);
  assert.deepEqual(beside, [{ name: `.${SEGMENT}.icloud`, kind: 'copy' }]);
});

for (const [name, kind] of NAMES.filter(([, kind]) => kind !== undefined && kind !== 'placeholder')) {
  test(`verify and doctor name ${name}, and the log is used as before`, () =>
    inLog(3, async (log, scratch) => {
      cpSync(join(log, SEGMENT), join(log, name));
      const wal = await Wal.open(log);
      const { ok, strays } = await wal.verify();
      assert.deepEqual([ok, strays], [true, [{ name, kind }]]);
      assert.equal((await wal.append({ op: 'add', id: 'z' })).seq, 4);
      await wal.close();
      if (!name.includes('conflict')) return;
      for (const command of ['verify', 'doctor']) {
        const { code, stdout } = await run(scratch, [command]);
        assert.equal(code, 0);
        assert.ok(stdout.includes(name), stdout);
        assert.match(stdout, /no part of the log/);
      }
    }));
}

test('with its only segment evicted, a log is neither written nor read, and goes on once that is back', () =>
  inLog(3, async (log, scratch) => {
    const back = evict(log, SEGMENT);
    const before = filesOf(log);
    const refused = {
      code: 'ERR_WAL_MISSING',
      message: new RegExp(`${SEGMENT} is not on this disk.*brctl download`),
    };
    await assert.rejects(Wal.open(log), refused);
    const reader = await Wal.open(log, { readOnly: true });
    await assert.rejects(reader.head(), refused);
    await assert.rejects(reader.read().next(), refused);
    await assert.rejects(reader.verify(), refused);
    await assert.rejects(reader.backup(join(scratch, 'copy')), refused);
    await reader.close();
    for (const mode of ['tail', 'salvage'] as const) await assert.rejects(Wal.repair(log, { mode }), refused);
    for (const args of [['append', '--op', 'add', '--id', 'z'], ['read'], ['tail'], ['verify']]) {
      const { code, stderr } = await run(scratch, args);
      assert.equal(code, 4, args[0]);
      assert.match(stderr, /ERR_WAL_MISSING/);
    }
    const doctor = await run(scratch, ['doctor']);
    assert.equal(doctor.code, 4);
    assert.match(doctor.stdout, /\[fail\] beside +\.0+1\.jsonl\.icloud .*\n +fix: have it downloaded/);
    assert.deepEqual(filesOf(log), before);
    back();
    await append(log, 1);
  }));

for (const what of ['the first of many segments', 'the last of many segments', 'a snapshot', 'wal.json']) {
  test(`with ${what} evicted, opening to write is refused, and nothing is made`, () =>
    inLog(40, async (log) => {
      const wal = await Wal.open(log, SMALL);
      if (what === 'a snapshot') await wal.compact({ fold: lastData, retain: 1 });
      await wal.close();
      const names = jsonl(log);
      const name =
        what === 'wal.json'
          ? what
          : ((what === 'a snapshot'
              ? names.find((each) => each.startsWith('snap'))
              : names.at(what.includes('first') ? 0 : -1)) as string);
      const back = evict(log, name);
      const before = filesOf(log);
      await assert.rejects(Wal.open(log, SMALL), { code: 'ERR_WAL_MISSING' });
      assert.deepEqual(filesOf(log), before);
      back();
      await append(log, 1);
    }));
}

test('with every file evicted, opening makes no new log', () =>
  inLog(3, async (log) => {
    for (const name of ['wal.json', SEGMENT]) evict(log, name);
    await assert.rejects(Wal.open(log), { code: 'ERR_WAL_MISSING' });
    await assert.rejects(Wal.open(log, { readOnly: true }), { code: 'ERR_WAL_MISSING' });
    assert.deepEqual(jsonl(log), []);
  }));

test('with wal.json evicted, doctor advises no repair: each is refused until it is back', () =>
  inLog(3, async (log) => {
    evict(log, 'wal.json');
    await assert.rejects(Wal.repair(log, { mode: 'salvage' }), { code: 'ERR_WAL_MISSING' });
    const fixes: (string | undefined)[] = [];
    for await (const { state, fix } of examine(log)) if (state === 'fail') fixes.push(fix);
    assert.ok(fixes.length > 0);
    for (const fix of fixes) assert.match(fix ?? '', /^have it downloaded/);
  }));

test('under an open Wal the only segment is evicted: appends are rejected as not written until it is back', () =>
  inLog(3, async (log) => {
    const wal = await Wal.open(log, SMALL);
    const back = evict(log, SEGMENT);
    await assert.rejects(wal.append({ op: 'add', id: 'a' }), {
      code: 'ERR_WAL_MISSING',
      outcome: 'not-written',
    });
    back();
    assert.equal((await wal.append({ op: 'add', id: 'b' })).seq, 4);
    await wal.close();
  }));

test('where all segments are gone that this machine knows of, opening to write is refused, until that is forgotten', () =>
  inLog(3, async (log, scratch) => {
    const kept = readFileSync(join(log, SEGMENT));
    rmSync(join(log, SEGMENT));
    const message = /neither a segment nor a snapshot.*saw entry 3 acknowledged.*doctor --forget/;
    await assert.rejects(Wal.open(log), { code: 'ERR_WAL_MISSING', message, seq: 3 });
    assert.deepEqual(jsonl(log), []);
    const doctor = await run(scratch, ['doctor']);
    assert.equal(doctor.code, 4);
    assert.match(doctor.stdout, /^\[fail\] rewound .*no append works/m);
    const { code, stderr } = await run(scratch, ['append', '--op', 'add', '--id', 'z']);
    assert.equal(code, 4);
    assert.match(stderr, message);
    writeFileSync(join(log, SEGMENT), kept);
    await append(log, 1);
    rmSync(join(log, SEGMENT));
    await run(scratch, ['doctor', '--forget']);
    await append(log, 1);
    const wal = await Wal.open(log, { readOnly: true });
    assert.equal((await wal.head()).seq, 1);
    await wal.close();
  }));

test('a power cut may take the segment of a log that was never synced: it is opened all the same', () =>
  inScratch('strays', async (scratch) => {
    const log = join(scratch, '.beads');
    mkdirSync(log);
    await append(log, 0);
    // Opening syncs where the default is `sync`; here nothing ever was.
    await append(log, 2, { durability: 'os' });
    rmSync(join(log, SEGMENT));
    await append(log, 1);
  }));
