import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../../src/errors/errors.ts';
import { printable } from '../../src/format/printable.ts';
import { ended, objects, PROGRAM, runHere as run, start } from '../../src/lab/command-line.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';
import { noPipes, noSignals } from '../support/system.ts';

/** Turns the text red, clears the screen (C1), rings, and shows the rest backwards. */
const NASTY = 'a\x1b[31mb\x9b2Jc\x07d\u202ee\u2066f\rg\n\x7fh\u200bi\u2060j\u{e0041}\u{e007f}';
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
const RAW = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2060\u2066\udb40]/;
const RAW_ON_TERMINAL = new RegExp(RAW.source.replace('\\x0b-\\x1f', '\\x0b-\\x0c\\x0e-\\x1f'));

const noTerminal =
  spawnSync('script', ['--version']).status === 0 ? false : 'no script(1) to make a terminal';

/** What a person sees who runs `jsonl-wal` in a terminal. */
async function onTerminal(dir: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const command = [process.execPath, PROGRAM, ...args].map((arg) => `'${arg}'`).join(' ');
  // Nothing else of this process's environment: CI, COLORTERM, TMUX and others also decide about colour.
  const { PATH, HOME } = process.env;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: dir,
    env: { PATH, HOME, TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
  });
  return (await ended(child)).stdout;
}

function logOf(dir: string, count: number): Promise<void> {
  return makeLog(
    dir,
    Array.from({ length: count }, (_, i) => ({ op: 'add', id: `bd-${i + 1}`, data: 'x' })),
  );
}

test('what could steer a terminal is escaped in ids, ops, data and errors, and --json gives it back', () =>
  inScratch('cli-escape', async (dir) => {
    await makeLog(dir, [{ op: NASTY, id: NASTY, data: { [NASTY]: NASTY } }]);
    const read = await run(dir, ['read']);
    assert.doesNotMatch(read.stdout, RAW);
    assert.equal(read.stdout.split('\n').length, 2);
    assert.match(read.stdout, /a\\u001b\[31mb\\u009b2Jc/);
    const json = (await run(dir, ['read', '--json'])).stdout;
    assert.doesNotMatch(json, RAW);
    const [record] = objects(json);
    assert.deepEqual(
      { op: record.op, id: record.id, data: record.data },
      { op: NASTY, id: NASTY, data: { [NASTY]: NASTY } },
    );
    for (const args of [
      [NASTY],
      ['info', '-C', NASTY],
      ['append', '--op', 'x', '--id', 'y', '--data', NASTY],
    ]) {
      const { stderr } = await run(dir, args);
      assert.match(stderr, /^jsonl-wal: .*\\u001b/);
      assert.doesNotMatch(stderr, RAW);
    }
    const { stderr } = await run(dir, ['info', '-C', NASTY, '--json']);
    assert.doesNotMatch(stderr, RAW);
    const notJson = await run(dir, ['append'], 'x\x1b[31m\n');
    assert.doesNotMatch(notJson.stderr, RAW);
  }));

test(
  'a terminal gets colour, unless NO_COLOR is set, and --json as JSON without raw C1 or bidi',
  {
    skip: noTerminal,
  },
  () =>
    inScratch('cli-terminal', async (dir) => {
      await makeLog(dir, [{ op: 'add', id: NASTY, data: 'long '.repeat(100) }]);
      const coloured = await onTerminal(dir, ['read']);
      assert.equal(coloured.startsWith('\x1b[2m     1 '), true);
      assert.match(coloured, /…\r\n$/);
      const plain = await onTerminal(dir, ['read'], { NO_COLOR: '1' });
      assert.doesNotMatch(plain, RAW_ON_TERMINAL);
      const json = await onTerminal(dir, ['read', '--json']);
      assert.doesNotMatch(json, RAW_ON_TERMINAL);
      assert.equal(JSON.parse(json).id, NASTY);
      const failure = await onTerminal(dir, ['info', '-C', NASTY], { NO_COLOR: '1' });
      assert.match(failure, /^jsonl-wal: /);
      assert.doesNotMatch(failure, RAW_ON_TERMINAL);
      await makeLog(dir, [{ op: 'add', id: 'bd-1', data: 'long '.repeat(100) }]);
      // script(1) makes a terminal that does not tell its width.
      const cut = await onTerminal(dir, ['read', '--id', 'bd-1'], { NO_COLOR: '1' });
      assert.match(cut, /^.* "long .*…\r\n$/);
      assert.equal(cut.trimEnd().length, 80);
    }),
);

test('what hides in a text is escaped, and emoji and the joiners of languages are left as they are', () => {
  const whole = [
    '👩‍👩‍👧 👩🏽‍💻 ❤️ 1️⃣ 🏳️‍🌈',
    '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
    'می\u200cخواهم क्\u200dष',
    '葛\u{e0100}',
    'ᠠ\u180b',
  ];
  for (const text of whole) assert.equal(printable(text), text);
  const hidden = {
    'a\u200bb\u2060c\u00add\ufeffe': 'a\\u200bb\\u2060c\\u00add\\ufeffe',
    'paypal\u200d\u200c': 'paypal\\u200d\\u200c',
    'x\ufe0f❤\ufe0f\ufe0f': 'x\\ufe0f❤\ufe0f\\ufe0f',
    'hi\u{e0041}': 'hi\\udb40\\udc41',
    '🏴\u{e0041}': '🏴\\udb40\\udc41',
    '\u3164\u115f': '\\u3164\\u115f',
  };
  for (const [text, shown] of Object.entries(hidden)) {
    assert.equal(printable(text), shown);
    assert.equal(JSON.parse(printable(JSON.stringify(text))), text);
  }
});

const noFullDevice = existsSync('/dev/full') ? false : 'no /dev/full to write to';

test(
  'what was done is told, with its entry, where standard output takes nothing',
  { skip: noFullDevice },
  () =>
    inScratch('cli-full', async (dir) => {
      const stdout = openSync('/dev/full', 'w');
      const runs: [args: string[], input: string, told: RegExp, seq: number | undefined][] = [
        [['init'], '', /The log was made in /, undefined],
        [['append', '--op', 'add', '--id', 'x', '--key', 'k'], '', /is in the log, as entry 1\./, 1],
        [['append', '--op', 'add', '--id', 'x', '--key', 'k'], '', /already, as entry 1\./, 1],
        [['append', '--batch'], '{"op":"a","id":"b"}\n', /is in the log, as entry 2\./, 2],
        [['append'], '{"op":"a","id":"b"}\n', /In all 1 entry was appended, seq 3\./, undefined],
        [['compact', '--no-backup', '--fold', 'last-data'], '', /compacted up to entry 3\./, 3],
      ];
      for (const [args, input, told, seq] of runs) {
        const child = start(dir, [...args, '--json'], { stdio: ['pipe', stdout, 'pipe'] });
        child.stdin?.end(input);
        const { code, stderr } = await ended(child);
        const [error] = objects(stderr);
        assert.deepEqual([code, error.code, error.seq], [1, 'ERR_WAL_IO', seq], stderr);
        assert.match(error.message, told);
        assert.match(error.message, /Cannot write to standard output: /);
      }
      closeSync(stdout);
      assert.equal(objects((await run(dir, ['verify', '--json'])).stdout)[0].head.seq, 3);
    }),
);

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

for (const blocks of [true, false]) {
  const name = blocks ? 'blocks' : 'does not block';
  test(`read into a full pipe that ${name} writes all to a slow reader`, { skip: noPipes }, () =>
    inScratch('cli-slow', async (dir) => {
      await logOf(dir, 2000);
      const { stdout, ...ran } = await intoFullPipe(dir, ['read', '--json'], blocks);
      assert.deepEqual(ran, { code: 0, stderr: '' });
      assert.equal(stdout.length > 200_000, true);
      assert.deepEqual(
        objects(stdout).map(({ seq }) => seq),
        Array.from({ length: 2000 }, (_, i) => i + 1),
      );
    }),
  );

  test(`append into a full pipe that ${name} tells a slow reader its result`, { skip: noPipes }, () =>
    inScratch('cli-slow', async (dir) => {
      await logOf(dir, 3);
      const ran = await intoFullPipe(dir, ['append', '--op', 'add', '--id', 'bd-4'], blocks);
      assert.deepEqual(ran, { code: 0, stdout: '4\n', stderr: '' });
    }),
  );
}

/** Runs it into a pipe that is full, and is read only after a while. */
async function intoFullPipe(dir: string, args: string[], blocks: boolean) {
  const path = join(dir, 'pipe');
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, O_RDONLY | O_NONBLOCK);
  const filler = openSync(path, O_WRONLY | O_NONBLOCK);
  const writer = openSync(path, O_WRONLY);
  let filled = 0;
  for (let bytes: number | undefined = 0; bytes !== undefined; filled += bytes ?? 0)
    bytes = unlessBusy(() => writeSync(filler, Buffer.alloc(4096)));
  const child = start(dir, args, { stdio: ['ignore', writer, 'pipe'] });
  closeSync(filler);
  const end = ended(child);
  // A process that has the same pipe open decides for all whether it blocks: a socket of Node's makes it one that does not.
  const other = blocks ? undefined : new Socket({ fd: writer, readable: false });
  await sleep(500);
  if (other === undefined) closeSync(writer);
  else other.destroy();
  const pieces: Buffer[] = [];
  const piece = Buffer.alloc(4096);
  for (let bytes: number | undefined; bytes !== 0; ) {
    bytes = unlessBusy(() => readSync(reader, piece));
    if (bytes === undefined) await sleep(1);
    else pieces.push(Buffer.from(piece.subarray(0, bytes)));
  }
  closeSync(reader);
  const { code, stderr } = await end;
  return { code, stdout: Buffer.concat(pieces).subarray(filled).toString(), stderr };
}

/** Undefined where the pipe is full, or empty. */
function unlessBusy(call: () => number): number | undefined {
  try {
    return call();
  } catch (error) {
    if (hasCode(error, 'EAGAIN')) return undefined;
    throw error;
  }
}

test('read and tail end quietly when their reader goes away', () =>
  inScratch('cli-pipe', async (dir) => {
    await logOf(dir, 20_000);
    for (const args of [
      ['read'],
      ['read', '--json'],
      ['tail', '-n', '20000'],
      ['tail', '-f', '-n', '20000', '--json'],
    ]) {
      const child = start(dir, args);
      try {
        const errors: Buffer[] = [];
        child.stderr?.on('data', (bytes) => errors.push(bytes));
        const [first] = await once(child.stdout as NodeJS.ReadableStream, 'data');
        assert.ok(first.length > 0);
        child.stdout?.destroy();
        const [code] = await once(child, 'close');
        const stderr = Buffer.concat(errors).toString();
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, args.join(' '));
      } finally {
        child.kill('SIGKILL');
      }
    }
  }));

test('help and the demo end quietly when nobody reads them', () =>
  inScratch('cli-help-pipe', async (dir) => {
    for (const args of [
      ['--help'],
      ['append', '--help'],
      ['help', 'lock'],
      ['-V'],
      ['demo', '--entries', '1'],
    ]) {
      const child = start(dir, args, { env: { TMPDIR: dir } });
      child.stdout?.destroy();
      const errors: Buffer[] = [];
      child.stderr?.on('data', (bytes) => errors.push(bytes));
      const [code] = await once(child, 'close');
      assert.equal(code, 0, `${args.join(' ')}: ${Buffer.concat(errors)}`);
    }
  }));

test('tail -f prints what others append, and ends quietly at Ctrl-C', { skip: noSignals }, () =>
  inScratch('cli-follow', async (dir) => {
    await logOf(dir, 3);
    const child = start(dir, ['tail', '-f', '-n', '1', '--json']);
    try {
      const end = once(child, 'close');
      const errors: Buffer[] = [];
      child.stderr?.on('data', (bytes) => errors.push(bytes));
      const records = createInterface({ input: child.stdout as NodeJS.ReadableStream });
      const next = async () => JSON.parse((await once(records, 'line'))[0]).seq;
      assert.equal(await next(), 3);
      const fourth = next();
      await run(dir, ['append', '--op', 'close', '--id', 'bd-1']);
      assert.equal(await fourth, 4);
      child.kill('SIGINT');
      const [code, signal] = await end;
      assert.deepEqual(
        { code, signal, stderr: Buffer.concat(errors).toString() },
        { code: 0, signal: null, stderr: '' },
      );
    } finally {
      child.kill('SIGKILL');
    }
  }),
);
