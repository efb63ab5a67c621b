import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Wal } from '../../src/index.ts';
import { runHere } from '../../src/lab/command-line.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';
import { checkSalvage } from './check-salvage.ts';
import { damagedLog } from './damaged-log.ts';
import { writeFiles } from './files.ts';
import { Findings } from './findings.ts';
import { type FuzzReport, shrink } from './fuzz.ts';
import { makeRealLogs } from './real-logs.ts';
import { checkRun } from './use-command-line.ts';
import { useLibrary } from './use-library.ts';

const MAIN = join(packageRoot(), 'dist', 'tests', 'fuzz', 'main.js');

test('damaged logs: reading, appending and the command line end well or in an error with a code, and no record is a wrong one', () =>
  inScratch('fuzz', async (directory) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = [MAIN, '--runs', '12', '--seconds', '600', '--seed', '1', '--keep', directory];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    assert.match(stdout, /^12 cases from seed 1, 0 failed/m);
    assert.match(stdout, /by here \d+, by library \d+.*verify ok \d+/);
  }));

test('a seed makes the same damage each time, and what it is called', () =>
  inScratch('fuzz', async (directory) => {
    const [one, other] = [
      await makeRealLogs(join(directory, 'one')),
      await makeRealLogs(join(directory, 'other')),
    ];
    assert.deepEqual(one, other);
    for (let seed = 0; seed < 40; seed++) assert.deepEqual(damagedLog(one, seed), damagedLog(other, seed));
    // What comes after one that touches nothing but wal.lock is the same without it, unless it is about any file.
    const lone = (seed: number) => {
      const [first, ...rest] = damagedLog(one, seed).mutations;
      const apart = rest.filter(({ what }) => !/taken away|emptied|is a (directory|link)/.test(what));
      return first?.what.startsWith('wal.lock is') && rest.length > 0 && apart.length === rest.length;
    };
    const found = Array.from({ length: 1000 }, (_, seed) => seed).filter(lone);
    assert.ok(found.length > 0);
    for (const seed of found) {
      const [, ...rest] = damagedLog(one, seed).mutations;
      const kept = rest.map(({ number }) => number);
      assert.deepEqual(damagedLog(one, seed, kept).mutations, rest);
    }
  }));

test('a record that nobody wrote, and a whole log that is called damaged, are found', () =>
  inScratch('fuzz', async (directory) => {
    const logs = await makeRealLogs(join(directory, 'real'));
    const [, log] = logs;
    assert.ok(log !== undefined);
    const segment = '00000000000000000001.jsonl';
    const damaged = log.files.get(segment) as Buffer;
    for (const [what, records, files] of [
      ['a record that nobody wrote', new Set([...log.records].slice(1)), log.files],
      [
        'is called damaged',
        log.records,
        new Map(log.files).set(segment, Buffer.concat([damaged, Buffer.from('x\n')])),
      ],
    ] as const) {
      const place = join(directory, what);
      mkdirSync(place);
      writeFiles(join(place, 'log'), new Map(files));
      const findings = new Findings();
      await useLibrary(
        { seed: 0, log: log.name, files: new Map(files), records, counted: log.counted, mutations: [] },
        join(place, 'log'),
        place,
        findings,
      );
      assert.ok(
        findings.faults.some((fault) => fault.includes(what)),
        findings.faults.join('\n'),
      );
    }
  }));

test('a whole line of an entry that counted, and that a salvage leaves out, is found', () =>
  inScratch('fuzz', async (directory) => {
    const [, log] = await makeRealLogs(join(directory, 'real'));
    assert.ok(log !== undefined);
    const segment = '00000000000000000001.jsonl';
    const lines = (log.files.get(segment) as Buffer).toString().split(/(?<=\n)/);
    const lacking = Buffer.from(lines.filter((_, i) => i !== 4).join(''));
    const place = join(directory, 'log');
    writeFiles(place, new Map(log.files).set(segment, lacking));
    const damaged = { seed: 0, log: log.name, records: log.records, counted: log.counted, mutations: [] };
    for (const [files, wanted] of [
      [log.files, [`entry 5 counted, has a whole line in ${segment}, and is left out`]],
      [new Map(log.files).set(segment, lacking), []],
    ] as const) {
      const findings = new Findings();
      const wal = await Wal.open(place, { readOnly: true });
      await checkSalvage({ ...damaged, files: new Map(files) }, wal, place, findings, await wal.verify());
      await wal.close();
      assert.deepEqual(findings.faults, wanted);
    }
  }));

test('an error that is none of the log’s is a fault, and one that is, is not', async () => {
  const findings = new Findings();
  await findings.attempt('this', () => {
    throw new TypeError('x is not a function');
  });
  assert.match(findings.faults[0] ?? '', /^this threw TypeError: x is not a function/);
});

test('an error of a command is found before and after a warning; a warning alone is no error', () => {
  const found = (stderr: string) => {
    const findings = new Findings();
    checkRun('jsonl-wal keys', { code: 4, stdout: '', stderr }, findings);
    return findings.faults.length;
  };
  const error = 'jsonl-wal: The line is damaged. [ERR_WAL_CORRUPT]\n';
  const warning = 'jsonl-wal: wal.lock named no kind of lock [kernel].\n';
  assert.deepEqual([error, error + warning, warning + error].map(found), [0, 0, 0]);
  assert.deepEqual(['{"code":"ERR_WAL_CORRUPT"}\n{"note":"x"}\n', warning, ''].map(found), [0, 1, 1]);
});

test('many runs of the command line in one process leave no listeners behind', () =>
  inScratch('fuzz', async (directory) => {
    const count = () => ['SIGINT', 'SIGTERM', 'warning'].map((event) => process.listenerCount(event));
    const before = count();
    await runHere(directory, ['init']);
    for (let i = 0; i < 2; i++) assert.equal((await runHere(directory, ['tail', '-n', '1'])).code, 0);
    assert.deepEqual(count(), before);
  }));

test('of the mutations of a case those are left out that it fails without', async () => {
  const report = (numbers: readonly number[]): FuzzReport => ({
    seed: 1,
    way: 'library',
    log: 'made up',
    mutations: numbers.map((number) => ({ number, what: `${number}` })),
    faults: numbers.includes(2) && numbers.includes(3) ? ['it fails'] : [],
    counts: {},
  });
  const least = await shrink(report([0, 1, 2, 3, 4]), async ({ kept = [] }) => report(kept));
  assert.deepEqual(
    least.mutations.map(({ number }) => number),
    [2, 3],
  );
});
