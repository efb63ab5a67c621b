import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { lastData, Wal } from '../../src/index.ts';
import { ended, objects, PROGRAM, runHere as run, start } from '../../src/lab/command-line.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';
import { files } from '../support/small-log.ts';

const SEGMENT = '.beads/00000000000000000001.jsonl';

test('init makes a log, in a repository what git must know of it, and a second init changes nothing', () =>
  inScratch('cli-init', async (dir) => {
    mkdirSync(join(dir, '.git'));
    const first = await run(dir, ['init', '--json']);
    assert.equal(first.code, 0, first.stderr);
    const [made] = objects(first.stdout);
    assert.equal(made.made, true);
    assert.equal(made.directory, join(dir, '.beads'));
    assert.equal(
      readFileSync(join(dir, '.beads/.gitignore'), 'utf8'),
      'wal.lock*\nwal.failed-sync\nwal.mark\nwal.rewound\nbackups/\n*.tmp\n',
    );
    assert.equal(readFileSync(join(dir, '.beads/.gitattributes'), 'utf8'), '*.jsonl -text\n');
    assert.deepEqual(made.changed, ['.gitignore', '.gitattributes']);
    assert.equal(made.git, false);
    const [again] = objects((await run(dir, ['init', '--json'])).stdout);
    assert.deepEqual(
      { made: again.made, changed: again.changed, id: again.id },
      { made: false, changed: [], id: made.id },
    );
  }));

test('init prints that files for git were made where there were none, by the path of the log as it was named', () =>
  inScratch('cli-init-made', async (dir) => {
    mkdirSync(join(dir, '.git'));
    const { stdout } = await run(dir, ['init', '-C', 'a/log']);
    const [, row, ...more] = stdout.trimEnd().split('\n');
    const paths = ['.gitignore', '.gitattributes'].map((name) => join('a/log', name)).join(', ');
    assert.deepEqual([row?.replace(/ +/, ' '), more], [`made ${paths}`, []]);
  }));

test('init --git adds its lines to the files that are there, and says so of a log that was not made for git', () =>
  inScratch('cli-init-git', async (dir) => {
    mkdirSync(join(dir, '.beads'));
    writeFileSync(join(dir, '.beads/.gitignore'), 'beads.db\n*.tmp');
    writeFileSync(join(dir, '.beads/.gitattributes'), '*.db binary\n');
    const { code, stdout } = await run(dir, ['init', '--git']);
    assert.equal(code, 0);
    const paths = ['.gitignore', '.gitattributes'].map((name) => join('.beads', name)).join(', ');
    const [log, changed, ...more] = stdout.trimEnd().split('\n');
    assert.match(log as string, /^made /);
    assert.deepEqual([changed?.replace(/ +/, ' '), more], [`changed ${paths}`, []]);
    assert.equal(
      readFileSync(join(dir, '.beads/.gitignore'), 'utf8'),
      'beads.db\n*.tmp\nwal.lock*\nwal.failed-sync\nwal.mark\nwal.rewound\nbackups/\n',
    );
    assert.equal(readFileSync(join(dir, '.beads/.gitattributes'), 'utf8'), '*.db binary\n*.jsonl -text\n');
    assert.equal(JSON.parse(readFileSync(join(dir, '.beads/wal.json'), 'utf8')).git, true);

    await run(dir, ['init', '-C', 'other']);
    assert.match((await run(dir, ['init', '--git', '-C', 'other'])).stderr, /was not made for git/);
  }));

test('what is appended with flags is read, shown by tail, counted by info and found whole by verify', () =>
  inScratch('cli-round', async (dir) => {
    await makeLog(dir);
    const flags = [
      '--op',
      'add',
      '--id',
      'bd-1',
      '--ts',
      '2025-10-12T00:43:03Z',
      '--data',
      '{"b":1,"a":[2]}',
    ];
    const first = await run(dir, ['append', ...flags]);
    assert.deepEqual(first, { code: 0, stdout: '1\n', stderr: '' });
    const second = await run(dir, [
      'append',
      '--op',
      'close',
      '--id',
      'bd-1',
      '--json',
      '--durability',
      'os',
    ]);
    const [result] = objects(second.stdout);
    assert.deepEqual({ seq: result.seq, durability: result.durability }, { seq: 2, durability: 'os' });

    const human = await run(dir, ['read']);
    const [line1, line2, end] = human.stdout.split('\n');
    assert.equal(line1, '     1  2025-10-12T00:43:03Z  add      bd-1       {"a":[2],"b":1}');
    assert.match(line2 ?? '', /^ {5}2 {2}\S+Z {2}close {4}bd-1$/);
    assert.equal(end, '');
    const records = objects((await run(dir, ['read', '--json'])).stdout);
    assert.deepEqual(
      records.map(({ seq, op, id, data }) => ({ seq, op, id, data })),
      [
        { seq: 1, op: 'add', id: 'bd-1', data: { a: [2], b: 1 } },
        { seq: 2, op: 'close', id: 'bd-1', data: undefined },
      ],
    );
    assert.equal(records[0].ts, Date.parse('2025-10-12T00:43:03Z'));

    const [info] = objects((await run(dir, ['info', '--json'])).stdout);
    assert.deepEqual(info.head, { seq: 2, crc: records[1].crc });
    assert.match((await run(dir, ['info'])).stdout, /^head +entry 2 \(crc [0-9a-f]{8}\)$/m);
    const [report] = objects((await run(dir, ['verify', '--json'])).stdout);
    assert.deepEqual({ ok: report.ok, entries: report.entries }, { ok: true, entries: 2 });
    const verified = await run(dir, ['verify']);
    assert.match(verified.stdout, /^verdict +ok: nothing acknowledged is missing$/m);
    assert.equal(verified.code, 0);
  }));

test('read takes a range, and several ids and ops', () =>
  inScratch('cli-read', async (dir) => {
    const ops = ['add', 'add', 'update', 'close', 'add'];
    await makeLog(
      dir,
      ops.map((op, i) => ({ op, id: `bd-${i % 3}` })),
    );
    const seqs = async (...args: string[]) =>
      objects((await run(dir, ['read', '--json', ...args])).stdout).map(({ seq }) => seq);
    assert.deepEqual(await seqs('--from', '2', '--to', '4'), [2, 3, 4]);
    assert.deepEqual(await seqs('--id', 'bd-0', '--id', 'bd-2'), [1, 3, 4]);
    assert.deepEqual(await seqs('--op', 'add', '--id', 'bd-1'), [2, 5]);
    assert.deepEqual(await seqs('--from', '9'), []);
  }));

test('the directory is that of -C before or after the command, else JSONL_WAL_DIR, else .beads', () =>
  inScratch('cli-dir', async (dir) => {
    const where = async (args: string[], env: NodeJS.ProcessEnv = {}) =>
      objects((await run(dir, [...args, '--json'], '', env)).stdout)[0]?.directory;
    assert.equal(await where(['init', '-C', 'a']), join(dir, 'a'));
    assert.equal(await where(['-C', 'a', 'info']), join(dir, 'a'));
    assert.equal(await where(['init'], { JSONL_WAL_DIR: 'b' }), join(dir, 'b'));
    assert.equal(await where(['info', '--dir', 'a'], { JSONL_WAL_DIR: 'b' }), join(dir, 'a'));
  }));

test('a command line that cannot be meant ends with 2, and says what would be', () =>
  inScratch('cli-usage', async (dir) => {
    await makeLog(dir);
    const wrong: [string[], RegExp][] = [
      [['apend'], /unknown command 'apend' \(Did you mean append\?\)/],
      [['help', 'bogus'], /unknown command 'bogus'/],
      [['help', 'apend'], /unknown command 'apend' \(Did you mean append\?\)/],
      [['bogus', '--help'], /unknown command 'bogus'/],
      [['append', '--opp', 'x'], /unknown option '--opp'.*see "jsonl-wal append --help"/],
      [['append', '--op', 'x'], /needs both --op and --id/],
      [['append', '--key', 'k'], /--key and --expect-seq are for one entry/],
      [['append', '--batch', '--op', 'x', '--id', 'y'], /--batch reads entries from standard input/],
      [['append', '--op', 'x', '--id', 'y', '--data', '{'], /--data is not JSON/],
      [['append', '--op', 'x', '--id', 'y', '--ts', 'noon'], /ISO 8601/],
      [['read', '--from', '1.5'], /whole number/],
      [['read', '--on-damage', 'guess'], /error, skip/],
      [['lock', 'set', 'padlock'], /kernel, lockfile/],
      [['lock', 'break'], /--force/],
      [['import', 'x.jsonl'], /--from/],
      [['info', '-C', 'nats://localhost/x'], /is an address/],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await run(dir, args);
      assert.deepEqual({ args, code, stdout }, { args, code: 2, stdout: '' }, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^jsonl-wal: .* \[ERR_WAL_ARGUMENT\]\n$/);
    }
    assert.equal(readFileSync(join(dir, SEGMENT), 'utf8'), '');
  }));

test('every command has help with an example, on standard output', () =>
  inScratch('cli-help', async (dir) => {
    const top = await run(dir, ['--help']);
    assert.equal(top.code, 0);
    for (const name of [
      'init',
      'info',
      'append',
      'read',
      'tail',
      'state',
      'compact',
      'verify',
      'lock',
      'import',
    ]) {
      assert.match(top.stdout, new RegExp(`^  ${name} `, 'm'));
      const { code, stdout, stderr } = await run(dir, [name, '--help']);
      assert.deepEqual({ name, code, stderr }, { name, code: 0, stderr: '' });
      assert.match(stdout, new RegExp(`^Examples?:\n  \\$ jsonl-wal ${name}`, 'm'));
    }
    assert.match((await run(dir, ['help', 'append'])).stdout, /--expect-seq/);
    assert.match((await run(dir, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  }));

test('where there is no log, a damaged wal.json, a newer format or a file, it says so and makes nothing', () =>
  inScratch('cli-nolog', async (dir) => {
    for (const args of [['info'], ['append', '--op', 'x', '--id', 'y'], ['lock', 'status'], ['tail', '-f']]) {
      const { code, stderr } = await run(dir, args);
      assert.equal(code, 1, args.join(' '));
      assert.equal(
        stderr,
        'jsonl-wal: There is no log in .beads: make one with "jsonl-wal init", or name another with -C. [ERR_WAL_NOT_FOUND]\n',
      );
    }
    assert.equal(existsSync(join(dir, '.beads')), false);
    await makeLog(dir);
    const meta = join(dir, '.beads/wal.json');
    const good = readFileSync(meta, 'utf8');
    writeFileSync(meta, good.replace('"version":1', '"version":2'));
    const newer = await run(dir, ['info']);
    assert.equal(newer.code, 1);
    assert.match(newer.stderr, /upgrade.*\[ERR_WAL_VERSION\]/);
    writeFileSync(meta, '{');
    const damaged = await run(dir, ['append', '--op', 'x', '--id', 'y', '--json']);
    assert.equal(damaged.code, 4);
    assert.equal(objects(damaged.stderr)[0].code, 'ERR_WAL_FORMAT');
    const file = await run(dir, ['init', '-C', '.beads/wal.json']);
    assert.equal(file.code, 1);
    assert.match(file.stderr, /ERR_WAL_NOT_A_DIRECTORY/);
  }));

test('of a log whose end is damaged, read, tail, info and verify tell what is there and end with 4, and append refuses', () =>
  inScratch('cli-corrupt', async (dir) => {
    await makeLog(dir, [
      { op: 'add', id: 'bd-1' },
      { op: 'add', id: 'bd-2' },
    ]);
    const path = join(dir, SEGMENT);
    writeFileSync(path, readFileSync(path, 'utf8').replace('bd-2', 'bd-3'));
    const before = readFileSync(path, 'utf8');

    const read = await run(dir, ['read', '--json']);
    assert.equal(read.code, 4);
    assert.deepEqual(
      objects(read.stdout).map(({ id }) => id),
      ['bd-1'],
    );
    const [failure] = objects(read.stderr);
    assert.deepEqual({ code: failure.code, seq: failure.seq }, { code: 'ERR_WAL_CORRUPT', seq: 2 });
    const tail = await run(dir, ['tail', '-n', '1', '--json']);
    assert.equal(tail.code, 4);
    assert.deepEqual(
      objects(tail.stdout).map(({ id }) => id),
      ['bd-1'],
    );
    const skipped = await run(dir, ['read', '--on-damage', 'skip']);
    assert.equal(skipped.code, 4);
    assert.match(skipped.stdout, /^ +1 .*bd-1\n$/);

    const info = await run(dir, ['info', '--json']);
    assert.equal(info.code, 4);
    assert.equal(objects(info.stdout)[0].head.seq, 1);
    const [told] = objects(info.stderr);
    assert.deepEqual({ code: told.code, seq: told.seq }, { code: 'ERR_WAL_CORRUPT', seq: 2 });

    const verified = await run(dir, ['verify']);
    assert.equal(verified.code, 4);
    assert.match(verified.stdout, /^verdict +NOT OK/m);
    assert.match(verified.stdout, /^odd +damaged \(checksum-mismatch\) at 0{19}1\.jsonl byte \d+/m);
    assert.match(verified.stderr, /\[ERR_WAL_CORRUPT\]\n$/);
    assert.doesNotMatch(verified.stderr, /jsonl-wal verify/, 'that was just done');
    for (const { stderr } of [read, tail, info, verified]) {
      assert.match(stderr, /"?jsonl-wal read --on-damage skip/);
      assert.doesNotMatch(stderr, /onDamage/, 'the API’s word for it');
    }
    const [report] = objects((await run(dir, ['verify', '--json'])).stdout);
    assert.deepEqual({ ok: report.ok, error: report.error.code }, { ok: false, error: 'ERR_WAL_CORRUPT' });

    assert.equal((await run(dir, ['append', '--op', 'x', '--id', 'y'])).code, 4);
    assert.equal(readFileSync(path, 'utf8'), before);
  }));

test('where a file of the log cannot be looked at, info, stats and verify say which, with a code', (t) =>
  inScratch('cli-loop', async (dir) => {
    if (process.platform === 'win32') return t.skip('links need a privilege there');
    await run(dir, ['init']);
    const path = join(dir, SEGMENT);
    rmSync(path);
    symlinkSync(basename(path), path);
    for (const command of ['info', 'stats', 'verify']) {
      const { code, stderr } = await run(dir, [command]);
      assert.equal(code, 1);
      assert.match(stderr, /^jsonl-wal: Cannot .*0{19}1\.jsonl.*\[ERR_WAL_IO\]\n$/);
    }
  }));

test('tail prints the last entries, and none of an empty log', () =>
  inScratch('cli-tail', async (dir) => {
    await makeLog(dir);
    assert.deepEqual(await run(dir, ['tail']), { code: 0, stdout: '', stderr: '' });
    await makeLog(
      dir,
      Array.from({ length: 12 }, (_, i) => ({ op: 'add', id: `bd-${i + 1}` })),
    );
    const seqs = async (...args: string[]) =>
      objects((await run(dir, ['tail', '--json', ...args])).stdout).map(({ seq }) => seq);
    assert.deepEqual(await seqs(), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert.deepEqual(await seqs('-n', '2'), [11, 12]);
    assert.deepEqual(await seqs('-n', '0'), []);
  }));

test('info tells the number, the bytes and the last of many segments', () =>
  inScratch('cli-segments', async (dir) => {
    const wal = await Wal.open(join(dir, '.beads'), { segmentBytes: 4096 });
    for (let i = 0; i < 5; i++) await wal.append({ op: 'add', id: 'bd-1', data: 'x'.repeat(3000) });
    await wal.close();
    const names = readdirSync(join(dir, '.beads')).filter((name) => /^\d+\.jsonl$/.test(name));
    const sizes = names.map((name) => ({ name, bytes: statSync(join(dir, '.beads', name)).size }));
    assert.ok(sizes.length > 1);
    const [info] = objects((await run(dir, ['info', '--json'])).stdout);
    assert.deepEqual(info.segments, sizes);
    const bytes = sizes.reduce((sum, segment) => sum + segment.bytes, 0);
    assert.equal(info.bytes, bytes);
    const { code, stdout } = await run(dir, ['info']);
    assert.equal(code, 0);
    const size = `${bytes.toLocaleString('en-US')} bytes in ${names.length} segments, the last ${names.at(-1)}`;
    assert.ok(stdout.split('\n').includes(`size          ${size}`), stdout);
    assert.match(
      (await run(dir, ['verify'])).stdout,
      new RegExp(`^size +.* in ${names.length} segments$`, 'm'),
    );
  }));

test('where the directory may not be read, or not be written, it says so in words of the command line', (t) =>
  inScratch('cli-permission', async (dir) => {
    if (process.getuid?.() !== 0) return t.skip('only root may start a process as another user');
    const nobody = { uid: 65534, gid: 65534 };
    const reached = spawnSync(process.execPath, [PROGRAM, '--version'], { ...nobody, cwd: '/' });
    if (reached.status !== 0) return t.skip('another user cannot reach this checkout, or this Node');
    const asNobody = (...args: string[]) => ended(start(dir, args, nobody));
    await makeLog(dir);
    for (const path of [dir, join(dir, '.beads')]) chmodSync(path, 0o755);
    const append = ['append', '--op', 'add', '--id', 'bd-1', '--json'];
    const unwritable = await asNobody(...append);
    const [refused] = objects(unwritable.stderr);
    assert.deepEqual([refused.code, refused.outcome], ['ERR_WAL_PERMISSION', 'not-written']);
    assert.match(refused.message, /It may still be read\.$/);
    assert.doesNotMatch(refused.message, /readOnly/);
    const broken = await asNobody('lock', 'break', '--force');
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, /^jsonl-wal: Cannot break the lock .*permission.*\[ERR_WAL_PERMISSION\]\n$/);
    assert.equal((await asNobody('read')).code, 0);
    chmodSync(join(dir, '.beads'), 0o700);
    for (const args of [['info'], append, ['lock', 'status'], ['lock', 'break', '--force']]) {
      const { code, stderr } = await asNobody(...args);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /no permission.*ERR_WAL_PERMISSION|ERR_WAL_PERMISSION.*no permission/,
        args.join(' '),
      );
    }
  }));

test('tail -f of a log that is replaced ends with an exit code of its own', () =>
  inScratch('cli', async (directory) => {
    const [log, other] = [join(directory, 'log'), join(directory, 'other')];
    for (const dir of [log, other]) {
      const wal = await Wal.open(dir);
      await wal.append({ op: 'add', id: 'bd-1', data: dir });
      await wal.close();
    }
    const child = start(directory, ['tail', '-f', '-C', 'log']);
    const done = ended(child);
    await once(child.stdout as Readable, 'data');
    copyFileSync(join(log, 'wal.json'), join(other, 'wal.json'));
    renameSync(join(other, '00000000000000000001.jsonl'), join(log, '00000000000000000001.jsonl'));
    const { code, stderr } = await done;
    assert.equal(code, 6, stderr);
    assert.match(stderr, /ERR_WAL_DIVERGED/);
  }));

test('the lines of the files are more than the entries, read --json gives each entry once', () =>
  inScratch('cli-lines', async (dir) => {
    const wal = await Wal.open(dir, { fold: lastData });
    await wal.append({ op: 'add', id: 'a' });
    await wal.appendBatch([
      { op: 'add', id: 'b' },
      { op: 'add', id: 'c' },
    ]);
    await wal.compact({ retain: Infinity });
    await wal.append({ op: 'add', id: 'd' });
    await wal.close();
    const [first = '', last = ''] = files(dir, /^[0-9]{20}\.jsonl$/).map((name) => join(dir, name));
    // As a writer leaves it that was overtaken.
    appendFileSync(last, `${readFileSync(first, 'utf8').split('\n')[0]}\n`);
    const all = files(dir, /\.jsonl$/).flatMap((name) => objects(readFileSync(join(dir, name), 'utf8')));
    const kinds = (is: (line: Record<string, unknown>) => boolean) => all.filter(is).length;
    assert.deepEqual(
      {
        snapshot: kinds((line) => !('seq' in line && 'writer' in line)) > 0,
        seals: kinds(({ entries }) => Array.isArray(entries) && entries.length === 0),
        batches: kinds(({ entries }) => Array.isArray(entries) && entries.length > 0),
        ofA: kinds(({ id, writer }) => id === 'a' && writer !== undefined),
      },
      { snapshot: true, seals: 1, batches: 1, ofA: 2 },
    );
    const { stdout } = await run(dir, ['read', '--json', '-C', dir]);
    assert.deepEqual(
      objects(stdout).map(({ id }) => id),
      ['a', 'b', 'c', 'd'],
    );
    const root = packageRoot();
    for (const page of ['README.md', 'docs/FORMAT.md'])
      assert.match(
        readFileSync(join(root, page), 'utf8'),
        /`cat \*\.jsonl \| jq` also [\s\S]*superseded[\s\S]*`jsonl-wal read --json`/,
        page,
      );
  }));
