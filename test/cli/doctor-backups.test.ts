import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backUp } from '../../src/cli/backups.ts';
import { examine } from '../../src/cli/commands/doctor.ts';
import type { Check } from '../../src/cli/doctor/check.ts';
import { roomier } from '../../src/cli/doctor/place.ts';
import { writeGitFiles } from '../../src/cli/write-file.ts';
import { lastData, Wal } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

const NOT_THERE = process.platform === 'win32' && 'its commands are for a POSIX shell';

async function append(log: string, from: number, to: number, body?: (wal: Wal) => Promise<unknown>) {
  const wal = await Wal.open(log, { segmentBytes: 4096 });
  for (let n = from; n <= to; n++) await wal.append({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(300) });
  await body?.(wal);
  await wal.close();
}

/** Gives `body` a log of 40 entries in several segments, with a backup of its own making, of which it has the directory. */
function inLog(body: (log: string, backup: string, segments: string[]) => Promise<void>): Promise<void> {
  return inScratch('doctor-backups', async (scratch) => {
    const log = join(scratch, 'a log');
    let backup = '';
    await append(log, 1, 40, async (wal) => {
      backup = (await backUp(wal, 'backup')).directory;
    });
    const segments = jsonl(log);
    assert.ok(segments.length >= 4);
    await body(log, backup, segments);
  });
}

const jsonl = (log: string) =>
  readdirSync(log)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();

async function checkOf(log: string, name: string): Promise<Check> {
  for await (const check of examine(log)) if (check.name === name) return check;
  throw new Error(`no check ${name}`);
}

async function whatIsIn(log: string): Promise<{ ok: boolean; seqs: number[] }> {
  const wal = await Wal.open(log, { readOnly: true });
  try {
    const seqs: number[] = [];
    const { ok } = await wal.verify();
    if (ok) for await (const { seq } of wal.read({ from: await wal.oldest() })) seqs.push(seq);
    return { ok, seqs };
  } finally {
    await wal.close();
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

/** The file gets other bytes, and is another one: a backup's that it was linked with stays as it was. */
function change(path: string, how: (text: string) => string): void {
  const text = readFileSync(path, 'latin1');
  rmSync(path);
  writeFileSync(path, how(text), 'latin1');
}

/** What is in a file, if it is there. */
function contentOf(path: string): string[] {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? [readFileSync(path, 'latin1')] : [];
}

const typo = (text: string) => text.replace('xxxx', 'xxyx');

type Case = readonly [what: string, check: string, spoil: (log: string, segments: string[]) => void];

const CASES: readonly Case[] = [
  ['the first segment is missing', 'chain', (log, all) => rmSync(join(log, all[0] as string))],
  [
    'two segments in the middle are missing',
    'chain',
    (log, all) => {
      rmSync(join(log, all[1] as string));
      rmSync(join(log, all[2] as string));
    },
  ],
  ['a segment was edited', 'chain', (log, all) => change(join(log, all[1] as string), typo)],
  [
    'a segment has other line ends',
    'chain',
    (log, all) => change(join(log, all[1] as string), (text) => text.replaceAll('\n', '\r\n')),
  ],
  ['the last segment was edited', 'chain', (log, all) => change(join(log, all.at(-1) as string), typo)],
  [
    'one segment is missing, and another damaged',
    'chain',
    (log, all) => {
      rmSync(join(log, all[0] as string));
      change(join(log, all[2] as string), typo);
    },
  ],
  ['the last segment is missing', 'backups', (log, all) => rmSync(join(log, all.at(-1) as string))],
  ['the last segment was emptied', 'backups', (log, all) => truncateSync(join(log, all.at(-1) as string))],
  [
    'the end was cut off, two segments of it',
    'backups',
    (log, all) => {
      rmSync(join(log, all.at(-1) as string));
      change(join(log, all.at(-2) as string), (text) => `${text.split('\n').slice(0, 3).join('\n')}\n`);
    },
  ],
  ['wal.json is missing', 'format', (log) => rmSync(join(log, 'wal.json'))],
  [
    'every file of the log is missing',
    'format',
    (log, all) => {
      for (const file of [...all, 'wal.json']) rmSync(join(log, file));
    },
  ],
  ['wal.json is damaged', 'format', (log) => writeFileSync(join(log, 'wal.json'), '{')],
];

for (const [what, name, spoil] of CASES) {
  test(
    `${what}: the doctor's command puts it back from a backup, and all is there`,
    { skip: NOT_THERE },
    () =>
      inLog(async (log, backup, segments) => {
        spoil(log, segments);
        const before = [...segments, 'wal.json'].flatMap((file) => contentOf(join(log, file)));
        const { state, fix = '' } = await checkOf(log, name);
        assert.equal(state, name === 'backups' ? 'warn' : 'fail');
        assert.ok(fix.includes(backup), fix);
        const [, command] =
          /^(.*) \(a backup has what is missing here: with it the log is whole, up to entry 40\)(?:; or, of what is here alone: jsonl-wal repair .*)?$/.exec(
            fix,
          ) as unknown as [string, string];
        execFileSync('sh', ['-c', command]);
        assert.deepEqual(await whatIsIn(log), { ok: true, seqs: upTo(40) });
        // Nothing is overwritten that was there.
        const after = [log, join(log, 'backups')].flatMap((place) =>
          readdirSync(place).flatMap((file) => contentOf(join(place, file))),
        );
        assert.ok(before.every((content) => after.some((each) => each.startsWith(content))));
        assert.deepEqual(
          [(await checkOf(log, name)).state, readdirSync(log).filter((file) => file.endsWith('.tmp'))],
          ['ok', []],
        );
      }),
  );
}

test(
  'a damaged only snapshot is put back from a backup, and what was appended since stays',
  { skip: NOT_THERE },
  () =>
    inLog(async (log) => {
      await append(log, 41, 50, async (wal) => {
        await wal.compact({ fold: lastData, retain: 1 });
        await backUp(wal, 'backup');
      });
      await append(log, 51, 55);
      const snapshot = jsonl(log).find((name) => name.startsWith('snapshot')) as string;
      change(join(log, snapshot), () => '');
      const { fix = '' } = await checkOf(log, 'snapshots');
      execFileSync('sh', ['-c', fix.replace(/ \(a backup has .*$/, '')]);
      assert.deepEqual(await whatIsIn(log), { ok: true, seqs: [51, 52, 53, 54, 55] });
    }),
);

test(
  'what is missing is put together from two backups, where no single one has all of it',
  { skip: NOT_THERE },
  () =>
    inLog(async (log, backup, segments) => {
      const other = join(log, 'backups', 'by hand');
      cpSync(backup, other, { recursive: true });
      const [first, , third] = segments as [string, string, string];
      rmSync(join(backup, first));
      rmSync(join(other, third));
      for (const name of [first, third]) rmSync(join(log, name));
      const { fix = '' } = await checkOf(log, 'chain');
      execFileSync('sh', ['-c', fix.replace(/ \(a backup has .*$/, '')]);
      assert.deepEqual(await whatIsIn(log), { ok: true, seqs: upTo(40) });
    }),
);

test('a backup that holds less than the damaged file is not put in its place; what it holds is named', () =>
  inLog(async (log) => {
    let backup = '';
    await append(log, 41, 42, async (wal) => {
      backup = (await backUp(wal, 'backup')).directory;
    });
    await append(log, 43, 45);
    const last = join(log, jsonl(log).at(-1) as string);
    const [, seq] = /"seq":(\d+)/.exec(readFileSync(last, 'latin1')) as unknown as [string, string];
    for (const how of [typo, (text: string) => text.replaceAll('\n', '\r\n')]) {
      const before = readFileSync(last);
      change(last, how);
      const { fix = '' } = await checkOf(log, 'chain');
      assert.match(fix, /^jsonl-wal repair --mode (salvage|tail) -C '[^']+' \(with --dry-run/);
      assert.ok(
        fix.includes(`; ${backup} holds entry ${seq}: jsonl-wal restore '${backup}' NEW-DIRECTORY, `),
        fix,
      );
      writeFileSync(last, before);
    }
  }));

test('a log that was cut and went on is left alone: its backup is to be restored elsewhere', () =>
  inLog(async (log) => {
    let backup = '';
    await append(log, 41, 42, (wal) => wal.compact({ fold: lastData, retain: 10 }));
    await append(log, 43, 45, async (wal) => {
      backup = (await backUp(wal, 'backup')).directory;
    });
    // The snapshot could be put back, but that brings back no entry.
    for (const name of jsonl(log).filter((each) => each >= '00000000000000000043')) rmSync(join(log, name));
    await append(log, 43, 44);
    const { state, message, fix } = await checkOf(log, 'backups');
    assert.equal(state, 'warn');
    assert.match(message, /^the log ends at entry 44, and its backup .*-45 at entry 45: its end was cut off/);
    assert.equal(fix, `jsonl-wal restore '${backup}' NEW-DIRECTORY, which makes a log of it to read them in`);
  }));

test('a snapshot of other entries than those there now is not put back: it would stand in their place', () =>
  inLog(async (log, _backup, segments) => {
    let backup = '';
    await append(log, 41, 42, async (wal) => {
      await wal.compact({ fold: lastData, retain: 10 });
      backup = (await backUp(wal, 'backup')).directory;
    });
    for (const name of jsonl(log))
      if (name.startsWith('snapshot') || name >= (segments.at(-1) as string)) rmSync(join(log, name));
    await append(log, Number((segments.at(-1) as string).slice(0, 20)), 39);
    assert.equal((await whatIsIn(log)).seqs.length, 39);
    const { state, fix } = await checkOf(log, 'backups');
    assert.deepEqual([state, fix?.startsWith(`jsonl-wal restore '${backup}' `)], ['warn', true]);
  }));

test('nothing is taken from what lies in backups/ of another log, or is being made, or is no backup', () =>
  inLog(async (log, backup, segments) => {
    const place = join(log, 'backups');
    renameSync(backup, `${backup}.tmp`);
    const meta = readFileSync(join(log, 'wal.json'), 'utf8').replace(/"id":"[0-9a-f]{4}/, '"id":"0000');
    cpSync(`${backup}.tmp`, join(place, '20990101T000000.000Z-99'), { recursive: true });
    writeFileSync(join(place, '20990101T000000.000Z-99/wal.json'), meta);
    mkdirSync(join(place, '\u001b[31m it\'s "$(touch pwned)" no backup'));
    writeFileSync(join(place, 'a file'), '');
    assert.match((await checkOf(log, 'backups')).message, /^none in its place/);
    rmSync(join(log, segments[1] as string));
    assert.match(
      (await checkOf(log, 'chain')).fix ?? '',
      /^jsonl-wal repair --mode salvage .* what it would do\)$/,
    );
  }));

test(
  'what is no file in the place of a segment, or may not be listed, keeps the doctor from no answer',
  { skip: NOT_THERE },
  () =>
    inLog(async (log, _backup, [first = '', second = '', third = '']) => {
      for (const name of [first, second, third]) rmSync(join(log, name));
      execFileSync('mkfifo', [join(log, first)]);
      symlinkSync(second, join(log, second));
      assert.equal((await checkOf(log, 'chain')).state, 'fail');
      renameSync(join(log, 'wal.json'), join(log, 'away'));
      assert.equal((await checkOf(log, 'format')).state, 'fail');
      renameSync(join(log, 'away'), join(log, 'wal.json'));
      rmSync(join(log, 'backups'), { recursive: true });
      writeFileSync(join(log, 'backups'), '');
      rmSync(join(log, first));
      rmSync(join(log, second));
      const { message, fix } = await checkOf(log, 'chain');
      assert.match(message, /are missing/);
      assert.match(fix ?? '', /^jsonl-wal repair --mode salvage/);
      rmSync(join(log, 'wal.json'));
      assert.doesNotMatch(await roomier(log), /prune/);
    }),
);

test('a backup with a hostile name is named by the doctor, and by list, without its control characters', () =>
  inLog(async (log, backup, segments) => {
    const hostile = join(log, 'backups', "\u001b]0;mine\u0007 it's $(touch pwned)");
    renameSync(backup, hostile);
    rmSync(join(log, segments.at(-1) as string));
    const { stdout } = await run(join(log, '..'), ['doctor', '-C', log]);
    assert.match(stdout, /its backup .*\\u001b\]0;mine\\u0007 it's \$\(touch pwned\) at entry 40/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f]/);
    const { fix = '' } = await checkOf(log, 'backups');
    if (NOT_THERE === false) execFileSync('sh', ['-c', fix.replace(/ \(a backup has .*$/, '')], { cwd: log });
    assert.deepEqual([(await whatIsIn(log)).seqs.length, existsSync(join(log, 'pwned'))], [40, false]);
  }));

test('a fold that only a line records is the one that the doctor advises to compact with', () =>
  inScratch('doctor-fold', async (log) => {
    for (const [fold, advice] of [
      [undefined, /compact --fold last-data .* \(where the last data of each id is all that counts/],
      [{ ...lastData, name: 'titles' }, /compact --fold MODULE .* that exports the fold "titles"/],
    ] as const) {
      await (await Wal.open(log, { fold })).close();
      assert.match(await roomier(log), advice);
    }
  }));

test('where room is short, the doctor tells what a prune frees, and it frees that', () =>
  inLog(async (log) => {
    assert.doesNotMatch(await roomier(log), /prune/);
    let copy = '';
    let deleted = 0;
    let sole = 0;
    await append(log, 41, 42, async (wal) => {
      copy = (await backUp(wal, 'compact')).directory;
      await wal.compact({ fold: lastData, retain: 1 });
      // What somebody's own backup holds, too, stays with that.
      const names = readdirSync(copy).filter((name) => statSync(join(copy, name)).nlink === 1);
      deleted = names.reduce((sum, name) => sum + statSync(join(copy, name)).size, 0);
      sole = names.length;
      assert.ok(sole > 0 && sole < readdirSync(copy).length);
    });
    const size = `${(deleted / 1000).toFixed(1)} kB`;
    assert.ok(
      (await roomier(log)).includes(
        `jsonl-wal backup prune --keep 0 -C '${log}' frees ${size} and ${sole + 1} files that backups of compactions hold; `,
      ),
      await roomier(log),
    );
    assert.match(await roomier(log), /jsonl-wal compact --fold last-data --retain 1 --no-backup -C/);
    const { code } = await run(log, ['backup', 'prune', '--keep', '0', '-C', log]);
    assert.deepEqual([code, existsSync(copy)], [0, false]);
    assert.doesNotMatch(await roomier(log), /prune/);
  }));

test('in a git repository the doctor warns that git clean -fdx would delete the backups', () =>
  inLog(async (log, backup) => {
    mkdirSync(join(log, '..', '.git'));
    writeGitFiles(log, false);
    const { state, message, fix } = await checkOf(log, 'git');
    assert.deepEqual(
      [state, message],
      ['warn', `"git clean -fdx" would delete the 1 copy in ${join(log, 'backups')}`],
    );
    assert.equal(fix, `keep one outside of the repository: jsonl-wal backup NEW-DIRECTORY -C '${log}'`);
    rmSync(backup, { recursive: true });
    assert.equal((await checkOf(log, 'git')).state, 'ok');
  }));
