import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended, PROGRAM, start } from '../../src/lab/command-line.ts';
import { inPlace, moduleOf, PATIENCE_MS, QUICK, type StressPlace } from '../support/stress-place.ts';
import { noSignals } from '../support/system.ts';

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

describe('Ctrl-C', { skip: noSignals }, () => {
  const LONG = ['no-data-loss', '--processes', '2', '--iterations', '1000000000'];

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
  const limited = (place: StressPlace, args: readonly string[]) =>
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
      assert.match(stdout, /EFBIG|ERR_WAL_NO_SPACE/);
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
