import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { objects, PROGRAM } from '../../src/lab/command-line.ts';
import { type RunSettings, repeatCall, SCENARIOS, TARGETS } from '../../src/lab/index.ts';
import { refused } from '../stress/refused.ts';
import { isWanted, sizeOf } from '../stress/size.ts';
import { packageRoot } from '../support/scratch.ts';
import { inPlace, LIES, moduleOf, QUICK } from '../support/stress-place.ts';

test('a run that holds says so check by check, with its results, and leaves nothing behind', () =>
  inPlace(async (place) => {
    const { code, stdout, stderr } = await place.stress([...QUICK, '--seed', '7']);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^no-data-loss: agents append, each its own ids\n {2}2 threads x 3 steps, .*seed 7$/m,
    );
    assert.match(stdout, /^\[PASS\] every acknowledged append is there exactly once$/m);
    assert.match(stdout, /^\[PASS\] every id is there once$/m);
    assert.match(stdout, /^Results:\n {2}Operations: 8 acknowledged, 0 refused, 0 unknown$/m);
    assert.doesNotMatch(stdout, /FAIL|Repeat|Kept/);
    assert.equal(stderr, '');
    place.assertClean();
  }));

test('a run that does not hold exits with 1, is kept, and names the command that repeats it', () =>
  inPlace(async (place) => {
    const first = await place.stress([...QUICK, '--seed', '7', ...place.target(LIES)]);
    assert.equal(first.code, 1, first.stderr);
    assert.match(first.stdout, /^\[FAIL\] every acknowledged append is there exactly once \(6 faults\)$/m);
    const [, kept] = /^Kept in (.*)$/m.exec(first.stdout) ?? [];
    assert.ok(existsSync(join(kept as string, 'journals/0.0.jsonl')), first.stdout);
    place.assertNoProcess();

    const [, program, repeat] = /^Repeat it: node (\S+) stress (.*)$/m.exec(first.stdout) ?? [];
    assert.equal(resolve(place.directory, program as string), PROGRAM);
    assert.equal(repeat, 'no-data-loss --seed 7 --threads 2 --iterations 3 --lock none --target ./own.mjs');
    const second = await place.stress([...(repeat as string).split(' '), '--json']);
    assert.equal(second.code, 1);
    const [result] = objects(second.stdout);
    const { target, seed, clients, as, iterations } = result.settings;
    assert.deepEqual([target, seed, clients, as, iterations], ['own', 7, 2, 'threads', 3]);
    assert.equal(result.repeat, `jsonl-wal stress ${repeat}`);
  }));

test('with --json a run is one object on stdout, whatever its target prints; the rest is on stderr', () =>
  inPlace(async (place) => {
    const kinds = [
      ['--threads', '2'],
      ['--processes', '1', '--iterations', '1'],
    ];
    for (const kind of kinds) {
      const { code, stdout, stderr } = await place.stress([
        'no-data-loss',
        ...kind,
        '--json',
        ...place.target(LIES),
      ]);
      assert.equal(code, 1, stderr);
      const [result, ...more] = objects(stdout);
      assert.deepEqual(more, []);
      assert.equal(result.scenario, 'no-data-loss');
      assert.equal(result.ok, false);
      assert.match(stderr, /I am a target/);
      assert.match(stderr, /\[FAIL\]/);
    }
  }));

test('--list tells every scenario: name, what happens, source, defaults', () =>
  inPlace(async (place) => {
    const { code, stdout } = await place.stress(['--list']);
    assert.equal(code, 0);
    for (const { name, about, source } of SCENARIOS)
      assert.ok(stdout.includes(`${name}\n  ${about}\n  source: ${source}; default: `), name);
    const listed = objects((await place.stress(['--list', '--json'])).stdout);
    assert.deepEqual(
      listed.map(({ name, clients }) => [name, clients]),
      SCENARIOS.map(({ name, clients }) => [name, clients]),
    );
  }));

/** What the photo database's own smoke test ends with. */
const CLOSING = [
  'Log integrity check passed',
  'All entry verification checks passed',
  'Write lock smoke test PASSED',
].map((text) => `[PASS] ${text}\n`);

for (const [how, flags, env] of [
  ['by the flag', ['--simulate-failure', 'smoke'], {}],
  ['by the environment', ['smoke'], { SIMULATE_FAILURE: 'append' }],
] as const)
  test(`smoke with failures asked for ${how} ends with its three lines, and logs what failed`, () =>
    inPlace(async (place) => {
      const size = ['--threads', '4', '--iterations', '12', '--sleep-range', '0-0.002', '--seed', '3'];
      const { code, stdout, stderr } = await place.stress([...flags, ...size, '--debug', 'kept'], env);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /10 % simulated failures/);
      assert.ok(stdout.includes(CLOSING.join('')), stdout);
      const logs = [0, 1, 2, 3].map((client) =>
        readFileSync(join(place.directory, `kept/smoke-3/process_${client}.log`), 'utf8'),
      );
      const results = logs.join('').match(/,(SUCCESS|[^,]*Simulated failure[^,]*),/g) ?? [];
      assert.equal(results.length, 48, logs.join(''));
      const failed = results.filter((each) => each !== ',SUCCESS,').length;
      assert.match(stdout, new RegExp(`Simulated failures: ${failed}\n`));
    }));

test('--repeat takes another seed each time, and stops where one fails', () =>
  inPlace(async (place) => {
    const held = await place.stress([...QUICK, '--repeat', '3', '--seed', '4294967295', '--json']);
    assert.equal(held.code, 0, held.stderr);
    assert.deepEqual(
      objects(held.stdout).map(({ settings }) => settings.seed),
      [4294967295, 0, 1],
    );
    assert.match(held.stderr, /3 of 3 runs hold/);
    const failed = await place.stress([...QUICK, '--repeat', '3', ...place.target(LIES)]);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /0 of 3 runs hold; 1 not: no-data-loss; 2 not made/);
  }));

test('--compare shows rate and latency beside those of a saved run, and refuses what does not compare', () =>
  inPlace(async (place) => {
    const save = (name: string, text: string) => writeFileSync(join(place.directory, name), text);
    const saved = await place.stress([...QUICK, '--json']);
    save('base.jsonl', saved.stdout);
    const { code, stdout, stderr } = await place.stress([
      ...QUICK,
      '--lock',
      'none',
      '--compare',
      'base.jsonl',
      '--json',
    ]);
    assert.equal(code, 0, stderr);
    const [now, { compared, figures }] = objects(stdout);
    const [base] = objects(saved.stdout);
    assert.equal(compared, 'no-data-loss');
    assert.deepEqual(
      figures.map(({ name }: { name: string }) => name),
      ['writes a second', 'writes p50', 'writes max'],
    );
    assert.equal(figures[1].ratio, now.writes.p50 / base.writes.p50);
    assert.match(stderr, /Compared:\n +now +baseline +ratio\n {2}writes a second .* x\n/);

    const wrong: readonly (readonly [string[], RegExp])[] = [
      [
        ['no-data-loss', '--threads', '3', '--iterations', '3'],
        /do not compare.*: clients was 2, and is 3\./,
      ],
      [
        ['no-data-loss', '--threads', '2', '--duration', '1'],
        /iterations was 3, and is 20; seconds was not given, and is 1/,
      ],
      [['toctou'], /has no run of toctou to compare with, but of no-data-loss/],
    ];
    const path = (name: string) => ['--compare', join(place.directory, name)];
    for (const [args, message] of wrong)
      await assert.rejects(refused([...args, ...path('base.jsonl')]), { code: 'ERR_WAL_ARGUMENT', message });
    save('other.json', '{"name":"jsonl-wal"}');
    await assert.rejects(refused([...QUICK, ...path('other.json')]), /has no run to compare with/);
    await assert.rejects(refused([...QUICK, ...path('none')]), /Cannot compare with .*none: ENOENT/);
    place.assertClean();
  }));

test('--debug keeps store and journals, and writes a log of its appends for each client', () =>
  inPlace(async (place) => {
    const { code, stdout } = await place.stress([...QUICK, '--seed', '7', '--debug', 'kept']);
    assert.equal(code, 0);
    const directory = join(place.directory, 'kept/no-data-loss-7');
    assert.ok(stdout.includes(`Kept in ${directory}`), stdout);
    assert.ok(existsSync(join(directory, 'store/wal.json')));
    assert.equal(readdirSync(join(directory, 'journals')).length, 4);
    for (const client of [0, 1]) {
      const lines = readFileSync(join(directory, `process_${client}.log`), 'utf8').split('\n');
      assert.match(lines[0] as string, /^# client \d of no-data-loss/);
      assert.equal(lines[1], '# timestamp,filename,hash,size_bytes,add_result,duration_ms');
      assert.equal(lines.length, 2 + 3 + 1);
      const [timestamp, id, hash, size, result, took] = (lines[2] as string).split(',');
      assert.ok(Math.abs(Number(timestamp) / 1e6 - Date.now()) < 3_600_000, timestamp);
      assert.equal(id, `bd-t${client}w0`);
      assert.deepEqual([hash, size], [createHash('sha256').update('{}').digest('hex'), '2']);
      assert.equal(result, 'SUCCESS');
      assert.ok(Number(took) > 0);
    }
    const again = await place.stress([...QUICK, '--seed', '7', '--debug', 'kept']);
    assert.match(again.stderr, /is not empty: name a new one/);

    const temporary = await place.stress([...QUICK, '--debug']);
    const [, kept] = /^Kept in (.*)$/m.exec(temporary.stdout) ?? [];
    assert.ok(existsSync(join(kept as string, 'process_1.log')));
  }));

test('an append that failed is in the log of its client with the error, as one field; on a terminal it steers nothing', () =>
  inPlace(async (place) => {
    const fails = moduleOf(
      'return { ...store, append: async () => { throw new Error("no, \\"never\\" \\u001b[2J"); } };',
    );
    const flags = ['--debug', 'kept', '--seed', '7'];
    const { stdout } = await place.stress([...QUICK, ...flags, ...place.target(fails)]);
    assert.ok(stdout.includes('unknown, error no, "never" \\u001b[2J\n'), stdout);
    const log = readFileSync(join(place.directory, 'kept/no-data-loss-7/process_0.log'), 'utf8');
    assert.match(log, /^\d{19},bd-t0w0,[0-9a-f]{64},2,"no, ""never"" .{4}",\d+\.\d{3}$/m);
  }));

test('a target in TypeScript runs where Node runs TypeScript, and is refused where it does not', () =>
  inPlace(async (place) => {
    const runs = Boolean((process.features as { readonly typescript?: unknown }).typescript);
    const example = join(packageRoot(), 'examples/stress-target/lines-file.ts');
    const { code, stdout, stderr } = await place.stress([
      ...QUICK,
      '--target',
      relative(place.directory, example),
    ]);
    if (runs) assert.equal(code, 0, stdout + stderr);
    else {
      assert.equal(code, 2);
      assert.match(stderr, /does not run TypeScript.*Node 22\.18 or newer, or compile it/);
    }
  }));

test('the example target holds, in processes and threads', () =>
  inPlace(async (place) => {
    const path = join(packageRoot(), 'dist/examples/stress-target/lines-file.js');
    for (const kind of ['--processes', '--threads']) {
      const { code, stdout, stderr } = await place.stress([
        'no-data-loss',
        kind,
        '3',
        '--target',
        relative(place.directory, path),
      ]);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /target lines-file/);
    }
    place.assertClean();
  }));

test('what repeats a run is a command with the flags that matter, or else a call', () => {
  const DEFAULTS: RunSettings = {
    target: 'jsonl-wal',
    lock: 'kernel',
    as: 'processes',
    clients: 5,
    iterations: 20,
    params: {},
    seed: 9,
  };
  const CASES: readonly (readonly [scenario: string, Partial<RunSettings>, string])[] = [
    ['no-data-loss', {}, 'jsonl-wal stress no-data-loss --seed 9'],
    ['no-data-loss', { clients: 7 }, 'jsonl-wal stress no-data-loss --seed 9 --processes 7'],
    ['no-data-loss', { as: 'threads' }, 'jsonl-wal stress no-data-loss --seed 9 --threads 5'],
    ['no-data-loss', { as: 'one-shot' }, 'jsonl-wal stress no-data-loss --seed 9 --one-shot'],
    ['no-data-loss', { seconds: 2.5 }, 'jsonl-wal stress no-data-loss --seed 9 --duration 2.5'],
    ['no-data-loss', { failRate: 0.1 }, 'jsonl-wal stress no-data-loss --seed 9 --simulate-failure'],
    ['no-data-loss', { failRate: 0.5 }, 'jsonl-wal stress no-data-loss --seed 9 --simulate-failure=0.5'],
    [
      'smoke',
      { clients: 4, iterations: 6, params: { sleepFromMs: 50, sleepToMs: 200, bytes: 2000 } },
      'jsonl-wal stress smoke --seed 9 --sleep-range 0.05-0.2',
    ],
    ['no-data-loss', { lock: 'none' }, 'jsonl-wal stress no-data-loss --seed 9 --lock none'],
    [
      'no-data-loss',
      { target: 'json-file', lock: 'none' },
      'jsonl-wal stress no-data-loss --seed 9 --target json-file',
    ],
    [
      'concurrent-writers',
      { clients: 10, iterations: 200, seconds: 30, params: { ids: 5 } },
      'jsonl-wal stress concurrent-writers --seed 9',
    ],
    [
      'concurrent-writers',
      { clients: 10, iterations: 3, params: { ids: 5 } },
      'jsonl-wal stress concurrent-writers --seed 9 --iterations 3',
    ],
  ];
  for (const [scenario, changes, command] of CASES)
    assert.equal(repeatCall({ scenario, settings: { ...DEFAULTS, ...changes } }), command);
  // A path that begins with a dash would be read as flags.
  assert.equal(
    repeatCall({ scenario: 'no-data-loss', settings: { ...DEFAULTS, lock: 'none' } }, '-mine/store.js'),
    'jsonl-wal stress no-data-loss --seed 9 --lock none --target ./-mine/store.js',
  );
  for (const changes of [{ target: 'mine' }, { params: { entries: 1 } }, { iterations: 3, seconds: 1 }]) {
    const settings = { ...DEFAULTS, ...changes };
    assert.match(repeatCall({ scenario: 'no-data-loss', settings }), /^runScenario\(SCENARIOS\.find\(/);
  }
  assert.match(repeatCall({ scenario: 'mine', settings: DEFAULTS }), /^runScenario\(/);
  const path = repeatCall(
    { scenario: 'no-data-loss', settings: { ...DEFAULTS, target: 'mine' } },
    "./it's mine.js",
  );
  assert.ok(path.endsWith(`--lock kernel --target './it'\\''s mine.js'`), path);
});

test('--report writes one page about all runs, and refuses a place where it could not before anything runs', () =>
  inPlace(async (place) => {
    const path = join(place.directory, 'report.html');
    const run = await place.stress([...QUICK, '--repeat', '2', '--seed', '7', '--report', path]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /^The report is in .*report\.html$/m);
    const page = readFileSync(path, 'utf8');
    assert.match(page, /^<!doctype html>/);
    for (const seed of [7, 8]) assert.ok(page.includes(`jsonl-wal stress no-data-loss --seed ${seed}`));
    const notes = join(place.directory, 'notes.md');
    writeFileSync(notes, 'mine');
    for (const wrong of [place.directory, join(place.directory, 'not-there', 'report.html'), notes]) {
      const refusal = await place.stress([...QUICK, '--report', wrong]);
      assert.equal(refusal.code, 2, refusal.stderr);
      assert.match(
        refusal.stderr,
        /--report .*: (it is a directory|nothing can be written there|the file there is not a report)/,
      );
      assert.equal(refusal.stdout, '');
    }
    assert.equal(readFileSync(notes, 'utf8'), 'mine');
  }));

test('docs/STRESS.md has each scenario in its table, and each target', () => {
  const page = readFileSync(join(packageRoot(), 'docs/STRESS.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([\w-]+)` \| (\w+) \| (.+?) \| (.+?) \|$/gm)];
  assert.deepEqual(
    rows.map(([, ...row]) => row.join(' | ')),
    SCENARIOS.map(({ name, source, about, checks, timed = [] }) => {
      const shown = [...checks, ...timed].map((check) => check.name).join('; ');
      return [name, source, about, shown || 'nothing more'].join(' | ');
    }),
  );
  for (const { name, about } of TARGETS) assert.ok(page.includes(`\`${name}\`: ${about}`), name);
});

test('the stress tests run when they are asked for, at a size that can be meant', () => {
  assert.deepEqual(sizeOf({}), { clients: 10, seconds: 30 });
  const sized = { STRESS_TEST_CLIENTS: '50', STRESS_TEST_DURATION_SECS: '1' };
  assert.deepEqual(sizeOf(sized), { clients: 50, seconds: 1 });
  for (const [name, value] of [
    ['CLIENTS', '51'],
    ['CLIENTS', '0'],
    ['DURATION_SECS', '301'],
    ['DURATION_SECS', '1.5'],
  ])
    assert.throws(() => sizeOf({ [`STRESS_TEST_${name}`]: value }), {
      message: new RegExp(`^STRESS_TEST_${name} must be a whole number from 1 to \\d+, not "${value}"$`),
    });
  assert.deepEqual([isWanted({}), isWanted({ RUN_STRESS_TESTS: '1' })], [false, true]);
});
