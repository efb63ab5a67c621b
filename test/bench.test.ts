import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inScratch } from '../src/lab/scratch.ts';

const MAIN = fileURLToPath(new URL(`../bench/main${extname(import.meta.url)}`, import.meta.url));

interface Written {
  readonly machine: { readonly node: string };
  readonly disk: Record<string, number>;
  readonly sections: { name: string; rows: { subject: string; trials: Record<string, number>[] }[] }[];
  readonly ratios: { rate: number; slowest?: number }[];
}

function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('a quick benchmark of one subject and the bare disk prints tables and writes figures, all of them positive', async () => {
  await inScratch('bench', (directory) => {
    const json = join(directory, 'figures.json');
    const only = '^(1 in flight / (wal kernel|raw disk)|5 processes x 20 / wal kernel)$';
    const work = join(directory, 'work');
    const run = bench('--quick', '--only', only, '--json', json, '--dir', work);
    assert.equal(run.status, 0, run.stderr + run.stdout);

    const { machine, disk, sections, ratios } = JSON.parse(readFileSync(json, 'utf8')) as Written;
    assert.equal(machine.node, process.version);
    assert.deepEqual(
      sections.map(({ name, rows }) => [name, rows.map(({ subject }) => subject)]),
      [
        ['1 in flight', ['wal kernel', 'raw disk']],
        ['5 processes x 20', ['wal kernel']],
      ],
    );
    const trials = sections.flatMap(({ rows }) => rows.flatMap((row) => row.trials));
    assert.equal(trials.length, 3);
    for (const figures of [disk, ...trials]) {
      assert.ok(Object.keys(figures).length >= 4, JSON.stringify(figures));
      for (const [name, value] of Object.entries(figures))
        assert.ok(Number.isFinite(value) && value > 0, `${name} is ${value}`);
    }
    assert.equal(ratios.length, 1);
    assert.ok(ratios.every(({ rate }) => rate > 0));

    for (const { name } of sections)
      assert.match(run.stdout, new RegExp(`^${name} +(elapsed ms +)?appends/s`, 'm'));
    assert.match(run.stdout, /^5 processes x 20 from a common start, kernel lock +(reached|NOT REACHED) /m);
    assert.match(run.stdout, /^5 processes x 20 from a common start, lockfile +not measured /m);
    assert.deepEqual(readdirSync(work), []);
  });
});

test('a pattern that matches nothing, and an option that does not exist, are told with status 2', () => {
  const nothing = bench('--only', 'no such work');
  assert.equal(nothing.status, 2);
  assert.match(nothing.stderr, /Nothing matches .*--list/);
  assert.equal(bench('--no-such-option').status, 2);
});
