import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Wal } from '../../src/index.ts';
import { ended, objects, runHere as run, start } from '../../src/lab/command-line.ts';
import { recordsIn } from '../support/audit.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';
import { noSignals } from '../support/system.ts';

const line = (entry: unknown) => `${JSON.stringify(entry)}\n`;

async function idsIn(dir: string): Promise<string[]> {
  return (await recordsIn(join(dir, '.beads'))).map(({ id }) => id);
}

test('lines on standard input are appended in their order, in few groups', () =>
  inScratch('cli-stream', async (dir) => {
    await makeLog(dir);
    const ids = Array.from({ length: 2000 }, (_, i) => `bd-${i}`);
    const { code, stdout } = await run(dir, ['append'], ids.map((id) => line({ op: 'add', id })).join(''));
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '2,000 entries were appended, seq 1 to 2000\n' });
    assert.deepEqual(await idsIn(dir), ids);
  }));

test('with --json a line is acknowledged while the input is still open', () =>
  inScratch('cli-ack', async (dir) => {
    await makeLog(dir);
    const child = start(dir, ['append', '--json']);
    try {
      const answers = createInterface({ input: child.stdout as NodeJS.ReadableStream });
      for (const seq of [1, 2, 3]) {
        child.stdin?.write(line({ op: 'add', id: `bd-${seq}` }));
        const [answer] = await once(answers, 'line');
        const result = JSON.parse(answer);
        assert.deepEqual(
          { line: result.line, seq: result.seq, durability: result.durability },
          { line: seq, seq, durability: 'sync' },
        );
      }
      child.stdin?.end();
      const [code] = await once(child, 'exit');
      assert.equal(code, 0);
    } finally {
      child.kill('SIGKILL');
    }
  }));

test('blank lines, carriage returns, a byte-order mark and a missing last newline are no matter', () =>
  inScratch('cli-lines', async (dir) => {
    await makeLog(dir);
    const input = '\ufeff{"op":"add","id":"a"}\r\n\r\n\n{"op":"add","id":"b"}\n{"op":"add","id":"c"}';
    assert.equal((await run(dir, ['append'], input)).code, 0);
    assert.deepEqual(await idsIn(dir), ['a', 'b', 'c']);
  }));

test('a line that cannot be appended is told by its number; what came before it is kept and counted', () =>
  inScratch('cli-bad-line', async (dir) => {
    await makeLog(dir);
    const good = `${line({ op: 'add', id: 'a' })}\n${line({ op: 'add', id: 'b' })}`;
    const bad: [string | Buffer, string, RegExp][] = [
      ['{"op":"add",', 'ERR_WAL_ENTRY', /^Line 4 is not JSON: /],
      ['{"op":"add"}', 'ERR_WAL_ENTRY', /^Line 4: The entry's id must be a non-empty string/],
      ['{"op":"add","id":"x","who":1}', 'ERR_WAL_ENTRY', /^Line 4: .*put it into data/],
      [Buffer.from('{"op":"add","id":"\xff"}', 'latin1'), 'ERR_WAL_ENTRY', /^Line 4 is not UTF-8/],
      [
        line({ op: 'add', id: 'x', data: 'y'.repeat(9 * 1024 * 1024) }),
        'ERR_WAL_TOO_LARGE',
        /^Line 4: The entry has/,
      ],
      [Buffer.alloc(33 * 1024 * 1024, 0x20), 'ERR_WAL_ENTRY', /^Line 4 is longer than 33554432 bytes/],
    ];
    let kept = 0;
    for (const [last, code, message] of bad) {
      const rest = Buffer.from(`\n${line({ op: 'add', id: 'never' })}`);
      const input = Buffer.concat([Buffer.from(good), Buffer.from(last as string), rest]);
      const { code: exit, stderr } = await run(dir, ['append', '--json'], input);
      assert.equal(exit, 1);
      const [failure] = objects(stderr);
      assert.match(failure.message, message);
      assert.match(
        failure.message,
        new RegExp(`2 entries were appended, seq ${kept + 1} to ${kept + 2}\\.$`),
      );
      assert.deepEqual(
        { code: failure.code, line: failure.line, appended: failure.appended },
        { code, line: 4, appended: 2 },
      );
      kept += 2;
      assert.equal((await idsIn(dir)).length, kept);
    }
  }));

test('the first of many lines that cannot be appended says that nothing was', () =>
  inScratch('cli-bad-first', async (dir) => {
    await makeLog(dir);
    await run(dir, ['append', '--op', 'add', '--id', 'a', '--key', 'k']);
    const first = await run(dir, ['append'], '{"op":"add"}\n');
    assert.match(first.stderr, /^jsonl-wal: Line 1: The entry's id .*\. Nothing was appended\. \[/);
    const again = await run(dir, ['append'], `${line({ op: 'add', id: 'a', key: 'k' })}{`);
    assert.match(again.stderr, /Nothing was appended \(1 was in the log already\)\. \[/);
  }));

test('an append to a log that cannot be opened says that it was not written', () =>
  inScratch('cli-not-written', async (dir) => {
    const refused = async (...args: string[]) => {
      const { stderr } = await run(dir, [...args, '--json'], line({ op: 'add', id: 'a' }));
      const [{ code, outcome, cause }] = objects(stderr);
      return { code, outcome, ...(cause !== undefined && { cause }) };
    };
    const one = ['append', '--op', 'add', '--id', 'a'];
    const outcome = 'not-written';
    for (const args of [one, ['append'], ['append', '--batch'], ['import', '--from', 'beads', 'x']])
      assert.deepEqual(await refused(...args), { code: 'ERR_WAL_NOT_FOUND', outcome }, args.join(' '));
    await makeLog(dir);
    const lock = join(dir, '.beads/wal.lock');
    const kept = readFileSync(lock);
    writeFileSync(lock, '{"kind":"quantum"}');
    assert.deepEqual(await refused(...one), { code: 'ERR_WAL_LOCK_KIND', outcome });
    writeFileSync(lock, kept);
    writeFileSync(join(dir, '.beads/00000000000000000001.jsonl'), '<<<<<<< HEAD\n');
    const cause = 'merge-conflict';
    assert.deepEqual(await refused(...one), { code: 'ERR_WAL_CORRUPT', outcome, cause });
  }));

test('a batch is one line with all entries, or nothing', () =>
  inScratch('cli-batch', async (dir) => {
    await makeLog(dir);
    const path = join(dir, '.beads/00000000000000000001.jsonl');
    const entries = line({ op: 'add', id: 'a' }) + line({ op: 'add', id: 'b' });
    for (const [bad, message] of [
      [`${entries}{`, /Line 3 is not JSON.*\. Nothing was appended\./],
      [
        `\n${entries}\n{"op":"x"}`,
        /Line 5: The entry's id .*undefined\. Nothing was appended\. \[ERR_WAL_ENTRY\]/,
      ],
      [`${entries}{"op":"x","id":"y","key":"k"}`, /Line 3: The entry has a key; a batch has one/],
      ['\n', /at least one entry/],
    ] as const) {
      const { code, stderr } = await run(dir, ['append', '--batch'], bad);
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.equal(readFileSync(path, 'utf8'), '');
    }
    const [told] = objects((await run(dir, ['append', '--batch', '--json'], `${entries}\n[]`)).stderr);
    assert.deepEqual([told.code, told.line, told.outcome], ['ERR_WAL_ENTRY', 4, 'not-written']);
    const { code, stdout } = await run(
      dir,
      ['append', '--batch', '--expect-seq', '0', '--key', 'k'],
      entries,
    );
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '1\n' });
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 2);
    assert.deepEqual(await idsIn(dir), ['a', 'b']);
    assert.equal((await run(dir, ['append', '--batch', '--expect-seq', '0'], entries)).code, 3);
  }));

test('of two processes that expect the same head one appends, and the other ends with 3 and the head', () =>
  inScratch('cli-conflict', async (dir) => {
    await makeLog(dir);
    await run(dir, ['append', '--op', 'add', '--id', 'bd-1']);
    const claim = ['append', '--op', 'claim', '--id', 'bd-1', '--expect-seq', '1', '--json'];
    const both = await Promise.all([run(dir, claim), run(dir, claim)]);
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 3]);
    const [failure] = objects(both.find(({ code }) => code === 3)?.stderr ?? '');
    const wal = await Wal.open(join(dir, '.beads'), { readOnly: true });
    assert.deepEqual(failure.head, await wal.head());
    await wal.close();
    assert.deepEqual({ code: failure.code, seq: failure.head.seq }, { code: 'ERR_WAL_CONFLICT', seq: 2 });
    const human = await run(dir, claim.slice(0, -1));
    assert.match(human.stderr, /^jsonl-wal: The log's head is entry 2, not 1 .*\[ERR_WAL_CONFLICT\]\n$/);
  }));

test('an append with a key that is in the log answers with the first one, and says so', () =>
  inScratch('cli-key', async (dir) => {
    await makeLog(dir);
    const args = ['append', '--op', 'add', '--id', 'bd-1', '--key', 'agent-7'];
    assert.equal((await run(dir, args)).stdout, '1\n');
    const again = await run(dir, args);
    assert.deepEqual({ code: again.code, stdout: again.stdout }, { code: 0, stdout: '1\n' });
    assert.match(again.stderr, /in the log already/);
    const stream = await run(dir, ['append'], line({ op: 'add', id: 'bd-1', key: 'agent-7' }));
    assert.equal(stream.stdout, '0 entries were appended (1 was in the log already)\n');
    assert.deepEqual(await idsIn(dir), ['bd-1']);
  }));

test('an append with the key of another entry fails with exit code 3, and names that entry', () =>
  inScratch('cli-key-reused', async (dir) => {
    await makeLog(dir);
    const append = ['append', '--op', 'add', '--key', 'agent-7', '--id'];
    await run(dir, [...append, 'bd-1']);
    const other = await run(dir, [...append, 'bd-2']);
    assert.deepEqual([other.code, other.stdout], [3, '']);
    const told =
      'jsonl-wal: The key "agent-7" belongs to entry 1, which has another op, id or data: to append this entry too, give it another key. [ERR_WAL_KEY_REUSED]\n';
    assert.equal(other.stderr, told);
    const [failure] = objects((await run(dir, [...append, 'bd-2', '--json'])).stderr);
    const { code, outcome, seq } = failure;
    assert.deepEqual({ code, outcome, seq }, { code: 'ERR_WAL_KEY_REUSED', outcome: 'not-written', seq: 1 });
    const lines = ['bd-3', 'bd-4'].map((id) => line({ op: 'add', id, key: 'agent-8' })).join('');
    const stream = await run(dir, ['append'], lines);
    assert.equal(stream.code, 3);
    assert.match(
      stream.stderr,
      /^jsonl-wal: Line 2: The key "agent-8" .* In all 1 entry was appended, seq 2\. /,
    );
    const batch = await run(
      dir,
      ['append', '--batch', '--key', 'agent-7'],
      lines.replaceAll(/,"key":"agent-8"/g, ''),
    );
    assert.equal(batch.code, 3);
    assert.deepEqual(await idsIn(dir), ['bd-1', 'bd-3']);
  }));

test('where nobody reads the acknowledgements any more, all lines are appended all the same', () =>
  inScratch('cli-ack-gone', async (dir) => {
    await makeLog(dir);
    const child = start(dir, ['append', '--json']);
    child.stdout?.destroy();
    const input = Array.from({ length: 3000 }, (_, i) => line({ op: 'add', id: `bd-${i}` }));
    child.stdin?.end(input.join(''));
    const { code, stderr } = await ended(Object.assign(child, { stdout: null }));
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal((await idsIn(dir)).length, 3000);
  }));

const DIGITS = '12345678901234567890';

test('a number that would change is refused with line and column, however it comes in', () =>
  inScratch('cli-numbers', async (dir) => {
    await makeLog(dir);
    const one = ['append', '--op', 'set', '--id', 'a', '--data'];
    writeFileSync(join(dir, 'data.json'), `\ufeff{"a":[\n  -1e999]}`);
    const issue = `{"id":"bd-1","title":"x","created_at":"2025-10-12T07:00:00Z","size":${DIGITS}}`;
    writeFileSync(join(dir, 'issues.jsonl'), issue);
    const becomes = `the number ${DIGITS}, which would become 12345678901234567000: write it as a text`;
    const refused: readonly (readonly [args: string[], input: string, code: string, message: string])[] = [
      [
        ['append'],
        `\n\ufeff \t{"op":"set","id":"a","data":${DIGITS}}`,
        'ERR_WAL_ENTRY',
        `Line 2 has at column 31 ${becomes}`,
      ],
      [
        ['append', '--batch'],
        `{"op":"set","id":"${DIGITS}","data":[1e400]}`,
        'ERR_WAL_ENTRY',
        'Line 1 has at column 49 the number 1e400, which is past',
      ],
      [[...one, `{"a":${DIGITS}}`], '', 'ERR_WAL_ARGUMENT', `--data has at line 1, column 6 ${becomes}`],
      [
        [...one, '-'],
        `[1,\n "\\\\",${DIGITS}]`,
        'ERR_WAL_ARGUMENT',
        `Standard input has at line 2, column 7 ${becomes}`,
      ],
      [
        [...one, '@data.json'],
        '',
        'ERR_WAL_ARGUMENT',
        'data.json has at line 2, column 3 the number -1e999, which is past',
      ],
    ];
    for (const [args, input, code, message] of refused) {
      const { stderr } = await run(dir, [...args, '--json'], input);
      const [error] = objects(stderr);
      assert.deepEqual([error.code, error.message.slice(0, message.length)], [code, message]);
      assert.match(error.message, /Nothing was appended\.$/);
    }
    const { stderr } = await run(dir, ['import', '--from', 'beads', 'issues.jsonl']);
    assert.ok(stderr.includes(`Line 1 has at column 69 ${becomes}`), stderr);
    assert.deepEqual(await idsIn(dir), []);
  }));

test('the data of one entry is read from standard input or a file, as one JSON value', () =>
  inScratch('cli-data', async (dir) => {
    await makeLog(dir);
    const one = ['append', '--op', 'set', '--id', 'a', '--data'];
    writeFileSync(join(dir, 'data.json'), '{\n  "b": [1, 2]\n}\n');
    writeFileSync(join(dir, 'latin'), Buffer.from('"\xff"', 'latin1'));
    for (const [given, input] of [
      ['-', '{"value":\n7}\n'],
      ['@-', '\ufeffnull'],
      ['@data.json', ''],
    ] as const)
      assert.equal((await run(dir, [...one, given], input)).code, 0);
    const data = (await recordsIn(join(dir, '.beads'))).map((record) => record.data);
    assert.deepEqual(data, [{ value: 7 }, null, { b: [1, 2] }]);
    for (const [given, input, message] of [
      ['-', '', /Standard input is empty/],
      ['-', '1\n2', /Standard input is not JSON: .*a text needs its own quotes/],
      ['-', `"${'x'.repeat(33 * 1024 * 1024)}"`, /Cannot read data from standard input: it is longer than/],
      ['@none', '', /Cannot read data from none: ENOENT/],
      ['@.', '', /Cannot read data from \.: EISDIR/],
      ['@latin', '', /Cannot read data from latin: it is not UTF-8/],
      ['@', '', /needs the name of a file/],
      ['@data.json', '[1]', /Standard input has data that this append would not use/],
    ] as const) {
      const { code, stderr } = await run(dir, [...one, given], input);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    assert.equal((await idsIn(dir)).length, 3);
  }));

test('what is piped to an append that does not read it is a usage error, and nothing is appended', () =>
  inScratch('cli-unread', async (dir) => {
    await makeLog(dir);
    const one = ['append', '--op', 'metric', '--id', 'lat'];
    for (const args of [one, [...one, '--data', '1']]) {
      const { code, stderr } = await run(dir, args, '{"value":7}');
      assert.equal(code, 2);
      assert.match(stderr, /has data that this append would not use: pass it on with --data -/);
    }
    assert.deepEqual(await idsIn(dir), []);
    assert.equal((await run(dir, one, ' \r\n')).code, 0, 'white space is no data');
    const file = join(dir, 'data.json');
    writeFileSync(file, '{"value":7}\n');
    const input = openSync(file, 'r');
    assert.match((await ended(start(dir, one, { stdio: [input, 'pipe', 'pipe'] }))).stderr, /would not use/);
    // As a shell's loop, which reads a line and runs a command for it.
    readSync(input, Buffer.alloc(3));
    const code = process.platform === 'linux' ? 0 : 2;
    assert.equal((await ended(start(dir, one, { stdio: [input, 'pipe', 'pipe'] }))).code, code);
    closeSync(input);
    assert.equal((await idsIn(dir)).length, code === 0 ? 2 : 1);
  }));

test('an append that reads nothing ends where its standard input is open and silent', () =>
  inScratch('cli-silent', async (dir) => {
    await makeLog(dir);
    const child = start(dir, ['append', '--op', 'metric', '--id', 'lat']);
    assert.deepEqual(await ended(child), { code: 0, stdout: '1\n', stderr: '' });
    child.stdin?.destroy();
  }));

test('on standard input ts takes the times that --ts takes, and nothing else', () =>
  inScratch('cli-ts', async (dir) => {
    await makeLog(dir);
    const good = ['2025-10-12T07:00:00Z', '2025-10-12T09:00:00.5+0200', '-1', '2025-10'];
    const wanted = [1760252400000, 1760252400500, -1, Date.UTC(2025, 9)];
    const entries = good.map((ts) => line({ op: 'add', id: 'a', ts }));
    await run(dir, ['append'], entries.join(''));
    await run(dir, ['append', '--batch'], entries.join(''));
    for (const ts of good) await run(dir, ['append', '--op', 'add', '--id', 'a', `--ts=${ts}`]);
    const written = (await recordsIn(join(dir, '.beads'))).map(({ ts }) => ts);
    assert.deepEqual(written, [...wanted, ...wanted, ...wanted]);
    for (const ts of ['bd-1', '2025-02-30', '2025-13-01', '1.5', '', 'noon']) {
      const { stderr } = await run(dir, ['append'], line({ op: 'add', id: 'a', ts }));
      assert.match(stderr, /Line 1 has the ts ".*", which is neither .* Nothing was appended\./);
      const { code } = await run(dir, ['append', '--op', 'add', '--id', 'a', `--ts=${ts}`]);
      assert.equal(code, 2, ts);
    }
  }));

test(
  'Ctrl-C in the middle of lines says how many landed and which came last, and a batch is not begun',
  { skip: noSignals },
  () =>
    inScratch('cli-interrupt', async (dir) => {
      await makeLog(dir);
      const child = start(dir, ['append', '--json', '--durability', 'os']);
      const all = ended(child);
      child.stdin?.on('error', () => {});
      for (let n = 1; n <= 5000; n++) child.stdin?.write(line({ op: 'add', id: `bd-${n}` }));
      await once(child.stdout as NodeJS.ReadableStream, 'data');
      child.kill('SIGINT');
      const { code, stdout, stderr } = await all;
      assert.equal(code, 130);
      const ids = await idsIn(dir);
      const [failure] = objects(stderr);
      const { appended, lastLine, seq, message } = failure;
      const landed = ids.length;
      assert.deepEqual([failure.code, appended, lastLine, seq], ['ERR_WAL_ABORTED', landed, landed, landed]);
      assert.equal(ids.at(-1), `bd-${lastLine}`);
      assert.equal(objects(stdout).length, landed);
      assert.match(
        message,
        /^Interrupted\. In all .* appended, seq 1 to .*\. Line \d+ of the input is the last one/,
      );
      const batch = start(dir, ['append', '--batch']);
      const end = ended(batch);
      // More than the pipe holds: once it is written, the batch is being read.
      const large = line({ op: 'add', id: 'never', data: 'x'.repeat(2 ** 21) });
      await new Promise((resolve) => batch.stdin?.write(large, resolve));
      batch.kill('SIGINT');
      const told = 'jsonl-wal: Interrupted. Nothing was appended. [ERR_WAL_ABORTED]\n';
      assert.deepEqual(await end, { code: 130, stdout: '', stderr: told });
      assert.equal((await idsIn(dir)).length, landed);
    }),
);
