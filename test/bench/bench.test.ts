import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { CROWD_400 } from '../../bench/crowd-plan.ts';
import { makeEntries } from '../../bench/entry.ts';
import { openFloor } from '../../bench/floor/floor.ts';
import { openLocks } from '../../bench/floor/locks.ts';
import { SharedSync } from '../../bench/floor/shared-sync.ts';
import type { Ratio } from '../../bench/ratio.ts';
import { speedTable } from '../../bench/speed.ts';
import { inScratch } from '../support/scratch.ts';

const MAIN = fileURLToPath(new URL(`../../bench/main${extname(import.meta.url)}`, import.meta.url));

interface Written {
  readonly machine: { readonly node: string };
  readonly busy: boolean;
  readonly disk: Record<string, number>;
  readonly sections: {
    name: string;
    idle: number[];
    rows: { subject: string; trials: Record<string, number>[] }[];
  }[];
  readonly ratios: { rate: number; cpu: number; slowest: number }[];
}

function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('a quick, busy benchmark of three tables prints them, ratios to the floor and figures', async () => {
  await inScratch('bench', (directory) => {
    const json = join(directory, 'figures.json');
    const only =
      '^(5 processes x 20 / (wal kernel|floor)|(calls of a lone append|the steps of an append, alone) / wal kernel)$';
    const work = join(directory, 'work');
    const run = bench('--quick', '--busy', '--only', only, '--json', json, '--dir', work);
    assert.equal(run.status, 0, run.stderr + run.stdout);

    const { machine, busy, disk, sections, ratios } = JSON.parse(readFileSync(json, 'utf8')) as Written;
    assert.deepEqual([machine.node, busy], [process.version, true]);
    assert.deepEqual(
      sections.map(({ name, rows }) => [name, rows.map(({ subject }) => subject)]),
      [
        ['5 processes x 20', ['wal kernel', 'floor']],
        ['calls of a lone append', ['wal kernel']],
        ['the steps of an append, alone', ['wal kernel']],
      ],
    );
    const trials = sections.flatMap(({ rows }) => rows.flatMap((row) => row.trials));
    assert.equal(trials.length, 4);
    for (const figures of [disk, ...trials]) {
      assert.ok(Object.keys(figures).length >= 4, JSON.stringify(figures));
      for (const [name, value] of Object.entries(figures))
        assert.ok(name === 'waiting' ? value >= 0 : value > 0, `${name} is ${value}`);
    }
    const [, { functions = 0, calls = 0, files = 0 } = {}] = sections.map(({ rows }) => rows[0]?.trials[0]);
    assert.ok(
      calls >= functions && functions > files,
      `${functions} functions, ${calls} calls, ${files} files`,
    );
    const steps = ['serialise', 'write', 'read', 'record', 'any', 'stringify', 'parse'];
    assert.deepEqual(Object.keys(trials[3] ?? {}), [...steps, 'written', 'readAgain']);
    for (const { idle } of sections)
      assert.ok(idle.length === 1 && idle.every((share) => share >= 0 && share <= 100));
    assert.equal(ratios.length, 1);
    assert.ok(ratios.every(({ rate, cpu, slowest }) => rate > 0 && cpu > 0 && slowest > 0));

    assert.match(run.stdout, /^machine .*busy/m);
    assert.match(run.stdout, /^5 processes x 20 +elapsed ms +appends\/s .*CPU us$/m);
    assert.match(run.stdout, /^\(wal kernel: of \d+ us an append, waiting for the lock \d+ us, in the turn/m);
    assert.match(run.stdout, /^the steps of an append, alone +serialise us +write line us/m);
    assert.match(run.stdout, /^calls of a lone append +functions +calls +files/m);
    assert.match(run.stdout, /^5 processes x 20: wal kernel +floor +\S+ x/m);
    assert.match(run.stdout, /^5 processes x 20 from a common start, kernel lock +(reached|NOT REACHED) /m);
    assert.deepEqual(readdirSync(work), []);
  });
});

test('two floors that append by turns leave one chain, in which each line is whole', async () => {
  await inScratch('floor', async (directory) => {
    const floors = [openFloor(directory, false), openFloor(directory, true)];
    const entries = makeEntries(6, 1);
    for (const [i, entry] of entries.entries()) await floors[i % 2]?.append({ ...entry, op: `ö${i}` });
    await Promise.all(entries.map((entry) => floors[0]?.append(entry)));
    for (const floor of floors) floor.close();

    let head = '00000000';
    const lines = readFileSync(join(directory, 'floor.jsonl'), 'utf8').trimEnd().split('\n');
    for (const [i, line] of lines.entries()) {
      const { crc, prev, seq } = JSON.parse(line);
      assert.deepEqual([prev, seq], [head, i + 1]);
      assert.equal(crc, crc32(line.slice(18)).toString(16).padStart(8, '0'));
      head = crc;
    }
    assert.equal(lines.length, 12);
  });
});

test('what one process has synced is not synced again by another', async () => {
  await inScratch('floor', (directory) => {
    const file = openSync(join(directory, 'floor.jsonl'), 'a+');
    writeFileSync(file, 'x'.repeat(100));
    const locks = openLocks(join(directory, 'floor.lock'));
    // A sync of no file is an error.
    const [leader, other] = [file, -1].map(
      (each) => new SharedSync(each, locks, join(directory, 'floor.mark')),
    );
    leader?.upTo(100, 6);
    other?.upTo(100, 6);
    assert.throws(() => other?.upTo(101, 6), { code: 'ERR_OUT_OF_RANGE' });
    for (const each of [leader, other, locks]) each?.close();
    closeSync(file);
  });
});

test('a pattern that matches nothing, and an option that does not exist, are told with status 2', () => {
  const nothing = bench('--only', 'no such work');
  assert.equal(nothing.status, 2);
  assert.match(nothing.stderr, /Nothing matches .*--list/);
  assert.equal(bench('--no-such-option').status, 2);
});

test('the table of speed has the works that were measured, quiet and busy, against each peer', () => {
  const ratio = (work: string, against: string, rate: number): Ratio => ({
    ...{ work, ours: 'wal kernel', against, rate, range: [rate, rate] },
    ...{ cpu: undefined, slowest: 0.1, trials: 1 },
  });
  const quiet = [ratio(CROWD_400, 'better-sqlite3', 0.75), ratio(CROWD_400, 'floor', 0.5)];
  const busy = [ratio(CROWD_400, 'better-sqlite3', 3.21)];
  const [, , ...rows] = speedTable(quiet, busy).split('\n');
  assert.deepEqual(rows, [
    '| 5 processes append 400 each, and await each | 0.75 / 3.2 x |  | 0.50 / - x | 0.10 / 0.10 x |',
  ]);
});
