import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { WalError } from '../../src/index.ts';
import { loadOwnTarget } from '../../src/lab/own-target.ts';
import { refused } from '../stress/refused.ts';
import { inPlace, LIES, moduleOf, PATIENCE_MS, QUICK } from '../support/stress-place.ts';
import { noProc } from '../support/system.ts';

describe('a command line that cannot be meant is refused, with what would do:', () => {
  const REFUSED: readonly (readonly [args: string[], message: RegExp, env?: NodeJS.ProcessEnv])[] = [
    [[], /Name one or more scenarios \(--list lists them\), or say --all/],
    [['--debug', 'toctou'], /--debug took toctou for its directory: put it last/],
    // Nothing can be made there, though it is there.
    [[...QUICK, '--debug', '/proc/none/x'], /Cannot make a directory in .*none.x: ENOENT.* --debug DIR/],
    [['toctuo'], /There is no scenario "toctuo"; did you mean toctou\?/],
    [['xyzzy'], /There is no scenario "xyzzy"\. --list lists them all/],
    [['--list', 'no-data'], /did you mean no-data-loss/],
    [['toctou', '--all'], /--all is every scenario/],
    [[...QUICK, '--processes', '2'], /'--processes <n>' cannot be used with option '--threads <n>'/],
    [[...QUICK, '--one-shot'], /'--one-shot' cannot be used with option '--threads <n>'/],
    [[...QUICK, '--duration', '2'], /'--duration <seconds>' cannot be used with option '--iterations <n>'/],
    [[...QUICK, '--seed', '4294967296'], /It must be a whole number from 0 to 4294967295/],
    [['toctou', '--threads', '0'], /It must be a whole number from 1 to 10000/],
    [['toctou', '--duration', '0'], /It must be a number from 0.001 to 1000000/],
    [[...QUICK, '--simulate-failure=1.5'], /It must be a number from 0 to 1/],
    [[...QUICK, '--simulate-failure'], /no-data-loss counts what succeeds: leave out --simulate-failure/],
    [[...QUICK, '--sleep-range', '2-1'], /It must be MIN-MAX in seconds/],
    [[...QUICK, '--sleep-range', '0.1-0.2'], /no-data-loss do not sleep .* leave out --sleep-range/],
    [[...QUICK, '--lock', 'mutex'], /--lock must be one of kernel, lockfile, none .* not mutex/],
    [['compaction-during-append', '--threads', '2'], /needs more than 2 clients/],
    [[...QUICK, '--target', 'json-flie'], /There is no target "json-flie"; did you mean json-file\?/],
    [[...QUICK, '--target', 'zzz'], /There is no target "zzz"; there are jsonl-wal, json-file/],
    [['create-delete', '--target', 'json-file'], /json-file cannot run create-delete: it has no compact/],
    [QUICK, /no-data-loss counts what succeeds: unset SIMULATE_FAILURE/, { SIMULATE_FAILURE: 'append' }],
    [
      ['smoke', '--simulate-failure', '--target', 'node-sqlite'],
      /node-sqlite has no turns in which to fail: leave out --simulate-failure/,
    ],
    [
      QUICK,
      /SIMULATE_FAILURE is "yes" in the environment; it can only be "append"/,
      { SIMULATE_FAILURE: 'yes' },
    ],
  ];
  for (const [args, message, env = {}] of REFUSED) {
    const skip = args.includes('/proc/none/x') && noProc;
    test(`stress ${args.join(' ')}`, { skip }, async () => {
      const before = process.env.SIMULATE_FAILURE ?? '';
      Object.assign(process.env, { SIMULATE_FAILURE: '' }, env);
      await assert.rejects(refused(args), message);
      process.env.SIMULATE_FAILURE = before;
    });
  }

  test('one of several, with exit code 2, before anything runs', () =>
    inPlace(async (place) => {
      const args = ['no-data-loss', 'compaction-during-append', '--threads', '2'];
      const { code, stdout, stderr } = await place.stress(args);
      assert.match(stderr, /compaction-during-append needs more than 2 clients/);
      assert.deepEqual([code, stdout], [2, '']);
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
        const path = join(place.directory, 'own.mjs');
        writeFileSync(path, text);
        const { signal } = new AbortController();
        const timeoutMs = /1000 ms/.test(message.source) ? 1000 : PATIENCE_MS;
        await assert.rejects(loadOwnTarget(path, { timeoutMs, signal }), (error: WalError) => {
          assert.match(error.message, message);
          assert.match(error.message, /^The target .*own\.mjs is of no use: /);
          return error.code === 'ERR_WAL_ARGUMENT';
        });
        place.assertNoProcess();
      }),
    );

  test('there is no such file', () =>
    inPlace(async (place) => {
      const { code, stderr } = await place.stress([...QUICK, '--target', './none.js']);
      assert.match(stderr, /There is no target \.\/none\.js \(.*none\.js\)/);
      assert.equal(code, 2);
    }));
});
