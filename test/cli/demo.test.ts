import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Wal } from '../../src/index.ts';
import { ended, runHere, start } from '../../src/lab/command-line.ts';
import type { Draft } from '../../src/lab/harness/recorded-store.ts';
import type { RunEvidence } from '../../src/lab/operations/run-evidence.ts';
import { issueHistory } from '../../src/lab/scenarios/issue-history.ts';
import issueTracker from '../../src/lab/scenarios/issue-tracker.ts';
import { kernelLockLoads } from '../../src/lock/kernel.ts';
import { inScratch } from '../support/scratch.ts';
import { noSignals } from '../support/system.ts';

const SEGMENT = '00000000000000000001.jsonl';

/** What the scenario's own check finds in a log of these entries, of four that were to be appended. */
function faultsOf(found: readonly Draft[], killed = 0): string[] {
  const [check] = issueTracker.checks;
  const evidence = {
    ...{ clients: 2, iterations: 2 },
    found: found.map((entry, i) => ({ seq: i + 1, ...entry })),
    members: [{ killed: Array.from({ length: killed }, (_, i) => i) }],
  };
  return [...(check?.examine(evidence as unknown as RunEvidence) ?? [])];
}

function firstEntries(count: number): Draft[] {
  const history = issueHistory();
  return Array.from({ length: count }, () => history.next().value);
}

describe('the demo', () => {
  for (const lock of ['kernel', 'lockfile', 'none'] as const) {
    const skip = lock === 'kernel' && !kernelLockLoads() ? 'the kernel lock does not load here' : false;
    test(`with the lock ${lock}: three processes append 90 entries, and all checks pass`, { skip }, () =>
      inScratch('demo', async (scratch) => {
        const args = ['--entries', '90', '--processes', '3', '--lock', lock, '-C', scratch, '--json'];
        const { code, stdout } = await runHere('.', ['demo', ...args]);
        const { ok, settings, operations, directory } = JSON.parse(stdout);
        const { refused, unknown } = operations;
        assert.deepEqual({ code, ok, lock: settings.lock, refused }, { code: 0, ok: true, lock, refused: 0 });
        const wal = await Wal.open(join(directory, 'store'), { readOnly: true });
        const { entries } = await wal.verify().finally(() => wal.close());
        // A process may have been killed in the middle of an append.
        assert.ok(entries <= 90 && entries >= 90 - unknown, `${entries} entries, ${unknown} unknown`);
      }),
    );
  }

  test('prints plain lines: what is about to happen, each check, and what to try next', () =>
    inScratch('demo', async (scratch) => {
      const args = ['demo', '--entries', '50', '--processes', '2', '-C', scratch];
      const { code, stdout, stderr } = await runHere('.', args);
      assert.equal(code, 0);
      assert.match(
        stderr,
        /^2 processes append 50 entries of a made-up issue tracker's history to one new log/,
      );
      assert.match(stdout, /\[PASS\] every acknowledged append is there exactly once/);
      assert.match(stdout, / {2}Entries in the log: \d+\n/);
      assert.match(
        stdout,
        /Try next:\n {2}head -3 .*00000000000000000001\.jsonl \| jq\n {2}node \S+main\.js verify -C /,
      );
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f]/);
    }));

  test('a directory with anything else in it is refused, and left as it is', () =>
    inScratch('demo', async (scratch) => {
      const used = join(scratch, 'issue-tracker-1');
      mkdirSync(used);
      writeFileSync(join(used, 'notes.txt'), 'mine');
      const { code, stderr } = await runHere('.', ['demo', '--entries', '5', '-C', scratch]);
      assert.equal(code, 2);
      assert.match(stderr, /is not empty/);
      assert.deepEqual(readdirSync(used), ['notes.txt']);
    }));

  test(
    'stopped by Ctrl-C it checks what was acknowledged until then, and exits with 130',
    { skip: noSignals },
    () =>
      inScratch('demo', async (scratch) => {
        const child = start('.', ['demo', '--entries', '1000000', '--processes', '2', '-C', scratch]);
        const over = ended(child);
        const segment = join(scratch, 'issue-tracker-1', 'store', SEGMENT);
        while (!statSync(segment, { throwIfNoEntry: false })?.size) await setTimeout(10);
        child.kill('SIGINT');
        const { code, stdout } = await over;
        assert.equal(code, 130);
        assert.match(stdout, /\[PASS\] every acknowledged append is there exactly once/);
        assert.match(stdout, /Stopped early/);
      }),
  );
});

describe("the check of the demo's scenario", () => {
  test('passes where each entry of the history is there, in any order', () => {
    assert.deepEqual(faultsOf(firstEntries(4).reverse()), []);
  });

  test('names an entry that is not in the history, or is there twice', () => {
    const entries = firstEntries(4);
    const other: Draft = { op: 'add', id: 'stranger' };
    for (const found of [
      [...entries, other],
      [...entries, entries[0] as Draft],
    ])
      assert.match(faultsOf(found).join(), /^entry 5 .* is not in the history, or is there twice$/);
  });

  test('allows an entry to be missing for each process that was killed, and no more', () => {
    assert.deepEqual(faultsOf(firstEntries(3), 1), []);
    assert.match(faultsOf(firstEntries(2), 1).join(), /^2 entries are missing, and 1 processes were killed$/);
  });
});
