import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended, objects, PROGRAM, type Run, start } from '../src/lab/command-line.ts';
import { type RunSettings, repeatCall, SCENARIOS, TARGETS } from '../src/lab/index.ts';
import { inScratch, packageRoot } from '../src/lab/scratch.ts';
import { isWanted, sizeOf } from './stress/size.ts';

/** A run that is over at once. */
const QUICK = ['no-data-loss', '--threads', '2', '--iterations', '3'];
const PATIENCE_MS = 60_000;

/** A place to run the command in, whose temporary directory is its own. */
class Place {
  readonly directory: string;
  readonly temporary: string;

  constructor(directory: string) {
    this.directory = directory;
    this.temporary = join(directory, 'tmp');
    mkdirSync(this.temporary);
  }

  get env(): NodeJS.ProcessEnv {
    return { TMPDIR: this.temporary, TEMP: this.temporary, SIMULATE_FAILURE: '' };
  }

  stress(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
    return ended(start(this.directory, ['stress', ...args], { env: { ...this.env, ...env } }));
  }

  /** Writes a module with that text; answers the flag that names it as the target. */
  target(text: string, name = 'own.mjs'): string[] {
    writeFileSync(join(this.directory, name), text);
    return ['--target', `./${name}`];
  }

  /** Nothing is left in the temporary directory, and no process that works in it. */
  assertClean(): void {
    assert.deepEqual(readdirSync(this.temporary), []);
    this.assertNoProcess();
  }

  assertNoProcess(): void {
    if (process.platform === 'win32') return;
    const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
    assert.deepEqual(
      all.filter((args) => args.includes(this.temporary)),
      [],
      'processes are left',
    );
  }

  /** Resolves once clients have written to a store. */
  async begun(): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; ; await sleep(20)) {
      const journals = readdirSync(this.temporary).map((name) =>
        join(this.temporary, name, 'journals/0.0.jsonl'),
      );
      if (journals.some((path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 300)) return;
      assert.ok(performance.now() < end, 'no client began');
    }
  }
}

const inPlace = <T>(body: (place: Place) => Promise<T>) =>
  inScratch('cli-stress', (directory) => body(new Place(directory)));

/** A target's module: `open` is the body of the function. */
const moduleOf = (open: string, before = '') => `
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
${before}
const store = { append: async () => ({}), read: () => [], close: async () => {} };
export default {
  name: 'own', about: 'a store of my own', module: import.meta.url, locks: ['none'], can: [],
  async open(directory, { readOnly }) { ${open} },
};
`;

const LIES = moduleOf('console.log("I am a target"); return store;');

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

    const [, repeat] = /^Repeat it: jsonl-wal stress (.*)$/m.exec(first.stdout) ?? [];
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
      ['writes a second', 'writes p50', 'writes p99', 'writes max'],
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
    for (const [args, message] of wrong) {
      const refused = await place.stress([...args, '--compare', 'base.jsonl']);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, message);
    }
    save('other.json', '{"name":"jsonl-wal"}');
    assert.match(
      (await place.stress([...QUICK, '--compare', 'other.json'])).stderr,
      /has no run to compare with/,
    );
    assert.match(
      (await place.stress([...QUICK, '--compare', 'none'])).stderr,
      /Cannot compare with none: ENOENT/,
    );
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

test('an append that failed is in the log of its client with the error, as one field', () =>
  inPlace(async (place) => {
    const fails = moduleOf(
      'return { ...store, append: async () => { throw new Error("no, \\"never\\""); } };',
    );
    await place.stress([...QUICK, '--debug', 'kept', '--seed', '7', ...place.target(fails)]);
    const log = readFileSync(join(place.directory, 'kept/no-data-loss-7/process_0.log'), 'utf8');
    assert.match(log, /^\d{19},bd-t0w0,[0-9a-f]{64},2,"no, ""never""",\d+\.\d{3}$/m);
  }));

describe('a command line that cannot be meant is refused, with what would do:', () => {
  const REFUSED: readonly (readonly [args: string[], message: RegExp, env?: NodeJS.ProcessEnv])[] = [
    [[], /Name one or more scenarios \(--list tells them\), or say --all/],
    [['--debug', 'toctou'], /--debug took toctou for its directory: put it last/],
    [['toctuo'], /There is no scenario "toctuo"; did you mean toctou\?/],
    [['xyzzy'], /There is no scenario "xyzzy"\. --list tells them all/],
    [['--list', 'no-data'], /did you mean no-data-loss/],
    [['toctou', '--all'], /--all is every scenario/],
    [[...QUICK, '--processes', '2'], /'--processes <n>' cannot be used with option '--threads <n>'/],
    [[...QUICK, '--one-shot'], /'--one-shot' cannot be used with option '--threads <n>'/],
    [[...QUICK, '--duration', '2'], /'--duration <seconds>' cannot be used with option '--iterations <n>'/],
    [[...QUICK, '--seed', '4294967296'], /It must be a whole number from 0 to 4294967295/],
    [['toctou', '--threads', '0'], /It must be a whole number from 1 to 10000/],
    [['toctou', '--duration', '0'], /It must be a number from 0.001 to 1000000/],
    [[...QUICK, '--simulate-failure=1.5'], /It must be a number from 0 to 1/],
    [[...QUICK, '--sleep-range', '2-1'], /It must be MIN-MAX in seconds/],
    [[...QUICK, '--sleep-range', '0.1-0.2'], /no-data-loss do not sleep .* leave out --sleep-range/],
    [[...QUICK, '--lock', 'mutex'], /lock must be one of kernel, lockfile, none, not mutex/],
    [['compaction-during-append', '--threads', '2'], /needs more than 2 clients/],
    [[...QUICK, '--target', 'json-flie'], /There is no target "json-flie"; did you mean json-file\?/],
    [[...QUICK, '--target', 'zzz'], /There is no target "zzz"; there are jsonl-wal, json-file/],
    [['create-delete', '--target', 'json-file'], /json-file cannot run create-delete: it has no compact/],
    [
      QUICK,
      /SIMULATE_FAILURE is "yes" in the environment; it can only be "append"/,
      { SIMULATE_FAILURE: 'yes' },
    ],
  ];
  for (const [args, message, env] of REFUSED)
    test(`stress ${args.join(' ')}`, () =>
      inPlace(async (place) => {
        const { code, stdout, stderr } = await place.stress(args, env);
        assert.match(stderr, message);
        assert.equal(code, 2, stderr);
        assert.equal(stdout, '');
        place.assertClean();
      }));
});

describe('a target module that is of no use is refused before anything runs:', () => {
  const forever = 'await new Promise(() => setInterval(() => {}, 1000));';
  const BAD: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['no default export', 'export const target = 1;', /must export, as its default, an object/],
    ['no names of locks', LIES.replace("['none']", "'none'"), /its `locks` must be a list of names/],
    [
      'an ability that there is not',
      LIES.replace('can: []', "can: ['fly']"),
      /its `can` names fly; there are batch,/,
    ],
    ['an ability without its method', LIES.replace('can: []', "can: ['batch']"), /opens has no appendBatch/],
    ['a syntax error', 'export default {', /SyntaxError/],
    [
      'it throws where it opens',
      moduleOf('throw new RangeError("no luck");'),
      /RangeError: no luck \(file:.*own\.mjs:\d+/,
    ],
    ['it hangs where it opens', moduleOf(forever), /was not done after 1000 ms/],
    ['it never comes to an end', 'for (;;);', /was not done after 1000 ms/],
    [
      'it ends its process',
      'console.error("fatal: no key"); process.exit(7);',
      /ended the process .*\(exit code 7\): fatal: no key/,
    ],
  ];
  for (const [what, text, message] of BAD)
    test(what, () =>
      inPlace(async (place) => {
        const { code, stderr } = await place.stress([
          ...QUICK,
          ...place.target(text),
          ...(/1000 ms/.test(message.source) ? ['--timeout', '1'] : []),
        ]);
        assert.match(stderr, message);
        assert.match(stderr, /The target \.\/own\.mjs is of no use/);
        assert.equal(code, 2);
        place.assertClean();
      }),
    );

  test('there is no such file', () =>
    inPlace(async (place) => {
      const { code, stderr } = await place.stress([...QUICK, '--target', './none.js']);
      assert.match(stderr, /There is no target \.\/none\.js \(.*none\.js\)/);
      assert.equal(code, 2);
    }));
});

describe('a target that goes wrong later fails the run:', () => {
  const forever = 'new Promise(() => setInterval(() => {}, 1000))';
  const second = "existsSync(join(directory, 'opened'))";
  const open = "writeFileSync(join(directory, 'opened'), ''); return store;";
  const WRONG: readonly (readonly [what: string, target: string, message: RegExp, flags?: string[]])[] = [
    [
      'an append hangs',
      moduleOf(`return { ...store, append: () => ${forever} };`),
      /was still running after 1000 ms, and was ended/,
      ['--timeout', '1'],
    ],
    [
      'reading in the end hangs',
      moduleOf(`if (readOnly) await ${forever}; return store;`),
      /unreadable: Reading the store was still at work after 1000 ms/,
      ['--timeout', '1'],
    ],
    [
      'its clients die at the start',
      moduleOf(`if (process.send && ${second}) { console.error('fatal: no key'); process.exit(9); } ${open}`),
      /client 0 \(agent\) ended with exit code 9: fatal: no key/,
      ['--processes', '1'],
    ],
  ];
  for (const [what, text, message, flags = []] of WRONG)
    test(what, () =>
      inPlace(async (place) => {
        const kind = flags[0] === '--processes' ? [] : ['--threads', '2'];
        const args = ['no-data-loss', '--iterations', '3', ...kind, ...flags, ...place.target(text)];
        const { code, stdout, stderr } = await place.stress(args);
        assert.match(stdout, message);
        assert.equal(code, 1, stderr);
        place.assertNoProcess();
      }),
    );

  test('it cannot be opened a second time in the same process', () =>
    inPlace(async (place) => {
      const text = moduleOf(`if (!process.send) throw new Error('the disk is gone'); ${open}`);
      const { code, stderr } = await place.stress([...QUICK, ...place.target(text)]);
      assert.match(stderr, /no-data-loss could not be run: the disk is gone\./);
      assert.equal(code, 1);
      place.assertClean();
    }));
});

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

describe('Ctrl-C', () => {
  const LONG = ['no-data-loss', '--processes', '2', '--duration', '600'];

  test('ends the clients, reports what was done until then, and leaves nothing', () =>
    inPlace(async (place) => {
      const child = start(place.directory, ['stress', ...LONG], { env: place.env });
      const over = ended(child);
      await place.begun();
      child.kill('SIGINT');
      const { code, stdout, stderr } = await over;
      assert.equal(code, 130, stdout + stderr);
      assert.match(stdout, /^\[PASS\] every acknowledged append is there exactly once$/m);
      assert.match(stdout, /Stopped early/);
      place.assertClean();
    }));

  test('twice ends all at once, and leaves nothing', () =>
    inPlace(async (place) => {
      const child = start(place.directory, ['stress', ...LONG], { env: place.env });
      const over = ended(child);
      await place.begun();
      child.kill('SIGINT');
      child.kill('SIGTERM');
      assert.equal((await over).code, 130);
      place.assertClean();
    }));

  test('while a target is being loaded ends that', () =>
    inPlace(async (place) => {
      const mark = join(place.directory, 'loading');
      const text = moduleOf('', `writeFileSync(${JSON.stringify(mark)}, ''); for (;;);`);
      const child = start(place.directory, ['stress', ...QUICK, ...place.target(text)], { env: place.env });
      const over = ended(child);
      for (const end = performance.now() + PATIENCE_MS; !existsSync(mark); await sleep(20))
        assert.ok(performance.now() < end, 'it was never loaded');
      child.kill('SIGINT');
      const { code, stderr } = await over;
      assert.match(stderr, /Stopped before the clients began/);
      assert.equal(code, 130);
      place.assertClean();
    }));
});

describe('no room on the disk', { skip: process.platform === 'win32' && 'there is no ulimit' }, () => {
  const limited = (place: Place, args: readonly string[]) =>
    ended(
      spawn('bash', ['-c', 'ulimit -f 40; exec "$0" "$@"', process.execPath, PROGRAM, 'stress', ...args], {
        cwd: place.directory,
        env: { ...process.env, ...place.env, NODE_TEST_CONTEXT: undefined },
      }),
    );

  test('for the clients is a failure that is told', () =>
    inPlace(async (place) => {
      const { code, stdout } = await limited(place, [
        'no-data-loss',
        '--threads',
        '1',
        '--iterations',
        '400',
      ]);
      assert.equal(code, 1);
      assert.match(stdout, /ERR_WAL_NO_SPACE .*the disk, a quota or the file-size limit is full/);
      place.assertNoProcess();
    }));

  test('for what is prepared is told, and nothing is left', () =>
    inPlace(async (place) => {
      const { code, stderr } = await limited(place, ['read-heavy', '--threads', '1', '--duration', '1']);
      assert.equal(code, 1);
      assert.match(stderr, /read-heavy could not be run: .* is full\. Make room .*\[ERR_WAL_NO_SPACE\]/);
      place.assertClean();
    }));

  test('and no temporary directory at all is told, with where to name another', () =>
    inPlace(async (place) => {
      const { code, stderr } = await place.stress(QUICK, {
        TMPDIR: join(place.directory, 'none'),
        TEMP: 'none',
      });
      assert.equal(code, 1);
      assert.match(stderr, /Cannot make a directory in .*Name another place with --debug DIR, or in TMPDIR/);
    }));
});

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

test('docs/STRESS.md has each scenario in its table, and each target', () => {
  const page = readFileSync(join(packageRoot(), 'docs/STRESS.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([\w-]+)` \| (\w+) \| (.+?) \| (.+?) \|$/gm)];
  assert.deepEqual(
    rows.map(([, name, source, about]) => ({ name, source, about })),
    SCENARIOS.map(({ name, source, about }) => ({ name, source, about })),
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
