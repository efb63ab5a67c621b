import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import faulty, { type Fault } from '../../src/lab/faulty-target.ts';
import {
  assertSound,
  type LabEvent,
  type Result,
  type RunOptions,
  type RunRecord,
  repeatCall,
  runScenario,
  SCENARIOS,
  type Scenario,
  type Target,
} from '../../src/lab/index.ts';
import cleanupDuringAppend from '../../src/lab/scenarios/cleanup-during-append.ts';
import compactionDuringAppend from '../../src/lab/scenarios/compaction-during-append.ts';
import compareHead from '../../src/lab/scenarios/compare-head.ts';
import concurrentWriters from '../../src/lab/scenarios/concurrent-writers.ts';
import highVolume from '../../src/lab/scenarios/high-volume.ts';
import killStorm from '../../src/lab/scenarios/kill-storm.ts';
import noDataLoss from '../../src/lab/scenarios/no-data-loss.ts';
import optimisticResolution from '../../src/lab/scenarios/optimistic-resolution.ts';
import pauseStorm from '../../src/lab/scenarios/pause-storm.ts';
import reservations from '../../src/lab/scenarios/reservations.ts';
import rotationStorm from '../../src/lab/scenarios/rotation-storm.ts';
import smoke from '../../src/lab/scenarios/smoke.ts';
import toctou from '../../src/lab/scenarios/toctou.ts';
import triedAgain from '../../src/lab/scenarios/tried-again.ts';
import { mostAtOnce } from '../../src/lab/scenarios/turns.ts';
import jsonFile from '../../src/lab/targets/json-file.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';

/** Fast enough to wait for; slow machines need more until all have started. */
const PATIENCE_MS = 20_000;

/** Runs a scenario in a scratch directory, and makes sure that no process is left. */
async function tried(scenario: Scenario, options: RunOptions): Promise<Result> {
  return inScratch('lab', async (directory) => {
    const result = await runScenario(scenario, { directory: `${directory}/run`, ...options });
    const left = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((args) => args.includes(directory));
    assert.deepEqual(left, [], 'processes are left');
    return result;
  });
}

function failed({ checks }: Result): string[] {
  return checks.filter(({ ok, timed }) => !ok && !timed).map(({ name }) => name);
}

function examples({ checks }: Result): string {
  return checks.flatMap((check) => check.examples).join('\n');
}

const SMALL = { clients: 2, iterations: 15, as: 'threads', target: faulty } as const;

function withFault(scenario: Scenario, fault: Fault): Scenario {
  return { ...scenario, settings: { faulty: { fault } } };
}

const LOST = 'every acknowledged append is there exactly once';
const ENDED = 'every client ran to its end, and let go of everything';
const LEFT = 'no lock, temporary file or open handle is left behind';

const EXPECTED = 'no append went through against what it expected';
const CONFLICTS = 'every conflict was one, and told what was there';
const ENDS = 'wherever the log was said to end, it ended once';
const READERS = 'every reader saw the same';
const KEYS = 'every key is there once, and is answered with its first entry';

describe('a target that goes wrong is found out:', () => {
  const CASES: readonly (readonly [what: string, Fault, check: string, RunOptions?, Scenario?])[] = [
    ['it acknowledges what it does not write', 'loses', LOST],
    ['it writes twice', 'doubles', LOST],
    ['it writes later than it says', 'swaps', "each client's appends are there in the order of its calls"],
    [
      'its state is an old one',
      'stale',
      'no read goes back, or ahead',
      { clients: 4 },
      compactionDuringAppend,
    ],
    ['it throws', 'throws', 'no operation failed'],
    ['its followers miss their first entry', 'skips', READERS, { clients: 5, iterations: 60 }, rotationStorm],
    ['it appends whatever is expected', 'ignores', EXPECTED, { clients: 4, iterations: 40 }, compareHead],
    ['it refuses what it need not', 'balks', CONFLICTS, { clients: 1, iterations: 60 }, compareHead],
    ['its conflicts tell a head of before', 'misleads', ENDS, { clients: 4, iterations: 40 }, compareHead],
    ['it answers a key with another number', 'misnumbers', KEYS, { clients: 3, iterations: 40 }, triedAgain],
    ['it leaves a file', 'litters', LEFT],
    ['it leaves a file open in a thread', 'clings', LEFT],
    ['it leaves a file open in a process', 'clings', ENDED, { as: 'processes' }],
    ['it ends its process', 'exits', ENDED, { as: 'processes' }],
    ['it opens but once', 'refuses', ENDED],
  ];
  for (const [what, fault, check, options, scenario = noDataLoss] of CASES) {
    test(what, async () => {
      const result = await tried(withFault(scenario, fault), { ...SMALL, ...options });
      assert.equal(result.ok, false);
      assert.ok(failed(result).includes(check), `it was found by: ${failed(result).join('; ')}`);
      assert.throws(
        () => assertSound(result),
        ({ message }: Error) => message.includes(repeatCall(result)) && message.includes(`[FAIL] ${check}`),
      );
    });
  }

  test('it opens but once: each opening that failed is told with its reason', async () => {
    const result = await tried(withFault(noDataLoss, 'refuses'), { ...SMALL, clients: 1 });
    assert.match(examples(result), /client 0's open \(0\.0\.0\): refused, error made for a test/);
  });

  test('its reading gives what is no entry: that is told, and what it gave', async () => {
    const result = await tried(withFault(noDataLoss, 'raves'), { ...SMALL, clients: 1 });
    assert.deepEqual(failed(result), ['the store verifies clean']);
    assert.match(examples(result), /^unreadable: its reading gives what is no entry .*: null$/m);
  });

  test('it ends its process: the fault says how, and in the middle of what', async () => {
    const result = await tried(withFault(noDataLoss, 'exits'), { ...SMALL, clients: 1, as: 'processes' });
    assert.match(examples(result), /client 0 \(agent\) ended with exit code 3/);
    assert.match(
      examples(result),
      /client 0's append of bd-t0w9 \(0\.0\.10\): unknown, it was never answered/,
    );
    assert.equal(result.operations.unknown, 1);
  });

  for (const as of ['threads', 'processes'] as const) {
    test(`it never answers: its ${as} are ended in time`, async () => {
      const result = await tried(withFault(noDataLoss, 'hangs'), { ...SMALL, as, timeoutMs: 1500 });
      assert.match(examples(result), /was still running after 1500 ms, and was ended/);
    });
  }
});

/** A user's target, as it stands in the user's own package. */
const OWN_TARGET = `
import { lastData, Wal } from 'jsonl-wal';
import { jsonlWal } from 'jsonl-wal/lab';

export default {
  ...jsonlWal,
  name: 'own',
  module: import.meta.url,
  can: ['state', 'expect'],
  open: async (directory, { lock, readOnly }) => {
    const wal = await Wal.open(directory, { fold: lastData, lock, readOnly });
    const table = await wal.table();
    return {
      append: (entry, terms) => wal.append(entry, terms && { expect: terms }),
      read: (range) => wal.read(range),
      state: async () => {
        await table.refresh();
        return { seq: table.seq, get: (id) => table.item(id), items: () => table };
      },
      close: () => wal.close(),
    };
  },
};
`;

test("a user's target that wraps the package's own Wal has its conflicts taken for refusals", async () => {
  await inScratch('own-target', async (directory) => {
    const file = join(directory, 'own-target.mjs');
    writeFileSync(file, OWN_TARGET);
    const { default: target } = (await import(pathToFileURL(file).href)) as { default: Target };
    const result = await runScenario(concurrentWriters, {
      target,
      directory: join(directory, 'run'),
      clients: 4,
      iterations: 15,
      as: 'threads',
      params: { ids: 1 },
    });
    assertSound(result);
    assert.ok(result.operations.refused > 0);
    assert.equal(result.operations.unknown, 0);
  });
});

describe('a store that keeps nobody apart does not hold:', () => {
  const CASES: readonly (readonly [Scenario, check: string])[] = [
    [noDataLoss, 'every id is there once'],
    [concurrentWriters, 'every success raised exactly one version'],
    [optimisticResolution, 'the counter counts every update'],
    [reservations, 'everybody got a number, all different, the lowest there were'],
    [toctou, 'as many succeed as there are numbers; the others are told that the pool is exhausted'],
    [highVolume, 'everybody got a number every time, all different'],
    [cleanupDuringAppend, 'every creation succeeded, no orphan is left, and nothing else is gone'],
  ];
  for (const [scenario, check] of CASES) {
    test(`${scenario.name}: ${scenario.about}`, async () => {
      const result = await tried(scenario, { clients: 5, iterations: 20, as: 'threads', target: jsonFile });
      assert.ok(failed(result).includes(check), `it was found by: ${failed(result).join('; ')}`);
    });
  }
});

test('a client whose step fails of itself ends with what it threw, and the run fails', async () => {
  // Its steps are those of another scenario, which needs a number that this one has not.
  const scenario: Scenario = { ...noDataLoss, module: compactionDuringAppend.module };
  const result = await tried(scenario, { clients: 2, iterations: 1, as: 'threads' });
  assert.match(examples(result), /client 0 \(agent\) failed: Error: the scenario has no number "bytes"/);
});

test('a module that is no scenario, or no target, is refused by each client with what is missing', async () => {
  const module = new URL('./lab.test.js', import.meta.url).href.replace('lab.test', 'history.none');
  const result = await tried({ ...noDataLoss, module }, { clients: 1, as: 'processes' });
  assert.match(examples(result), /client 0 \(agent\) failed: Error.*history\.none/);
});

test('a run that is interrupted stops its clients, and checks what they did', async () => {
  const stop = new AbortController();
  const events: LabEvent[] = [];
  const result = await tried(noDataLoss, {
    clients: 2,
    iterations: 1e9,
    signal: stop.signal,
    onEvent: (event) => {
      events.push(event);
      if (event.kind === 'progress' && event.tally.acknowledged > 0) stop.abort();
    },
  });
  assert.equal(result.interrupted, true);
  assert.deepEqual(failed(result), []);
  assert.ok(result.operations.acknowledged > 0);
  const kinds = new Set(events.map(({ kind }) => kind));
  assert.deepEqual([...kinds].sort(), ['ended', 'phase', 'progress', 'started']);
});

test('a run of so many seconds ends of itself; clients that go on until the others are done end last', async () => {
  const result = await tried(compactionDuringAppend, { clients: 4, seconds: 0.5, timeoutMs: PATIENCE_MS });
  assert.equal(result.settings.seconds, 0.5);
  assert.deepEqual(failed(result), []);
  // How many appends that makes, nobody can say.
  const counted = 'every append succeeded, and its id is there';
  assert.ok(!result.checks.some(({ name }) => name === counted));
});

test('a sound run leaves nothing, one in a directory of its own keeps store and journals', async () => {
  const result = await runScenario(noDataLoss, { clients: 2, iterations: 3, as: 'threads' });
  assertSound(result);
  assert.equal(result.directory, undefined);
  await inScratch('lab', async (directory) => {
    const kept = await runScenario(noDataLoss, { clients: 2, iterations: 3, as: 'threads', directory });
    assert.equal(kept.directory, directory);
    assert.ok(existsSync(`${directory}/store/wal.json`));
    assert.deepEqual(readdirSync(`${directory}/journals`).sort(), [
      '0.0.jsonl',
      '1.0.jsonl',
      'conclude.0.jsonl',
      'prepare.0.jsonl',
    ]);
    await assert.rejects(runScenario(noDataLoss, { directory }), /is not empty/);
  });
});

test('what does not go together is refused before anything starts', async () => {
  const wrong: readonly (readonly [Scenario, RunOptions, RegExp])[] = [
    [noDataLoss, { lock: 'mutex' }, /lock must be one of kernel, lockfile, none, not mutex/],
    [
      noDataLoss,
      { target: 'json-file' as never },
      /target must be a Target: an object with a method open, such as jsonFile, not the text "json-file"/,
    ],
    [noDataLoss, { target: null as never }, /target must be a Target: /],
    [noDataLoss, { clients: 0 }, /clients must be a whole number from 1 to 10000, not 0/],
    [noDataLoss, { iterations: 1.5 }, /iterations must be a whole number/],
    [noDataLoss, { seconds: -1 }, /seconds must be a number from 0.001 to 1000000, not -1/],
    [noDataLoss, { timeoutMs: 2 ** 31 }, /timeoutMs must be a number from 1 to 2147483647/],
    [noDataLoss, { as: 'thread' as 'threads' }, /as must be one of processes, threads, one-shot, not thread/],
    [noDataLoss, { seed: Number.NaN }, /seed must be a whole number from 0 to 4294967295, not NaN/],
    [noDataLoss, { client: 3 } as RunOptions, /There is no option "client"; there are target, lock, as/],
    [noDataLoss, { params: { toString: 1 } as never }, /no-data-loss has no number "toString"/],
    [
      toctou,
      { params: { pool: '11' as never } },
      /params.pool must be a number from 0 to 1000000000, not 11/,
    ],
    [toctou, { params: { pool: Number.NaN } }, /params.pool must be a number from 0/],
    [noDataLoss, { params: { pool: 1 } }, /no-data-loss has no number "pool"; there are: none/],
    [pauseStorm, { as: 'threads' }, /pause-storm is for processes, not threads: a thread cannot be stopped/],
    [noDataLoss, { failRate: 0.1 }, /no-data-loss counts what succeeds: it cannot be run with a failRate/],
    [smoke, { failRate: 1.5 }, /failRate must be a number from 0 to 1, not 1.5/],
    [
      smoke,
      { failRate: 0.1, target: { ...faulty, can: [] } },
      /The target faulty has no turns in which to fail: it cannot be run with a failRate/,
    ],
    [compactionDuringAppend, { clients: 2 }, /needs more than 2 clients: there is none to be writer/],
    [
      compactionDuringAppend,
      { target: { ...faulty, can: ['state'] } },
      /The target faulty cannot run compaction-during-append: it has no compact/,
    ],
  ];
  for (const [scenario, options, message] of wrong)
    await assert.rejects(runScenario(scenario, options), { code: 'ERR_WAL_ARGUMENT', message });
});

test('a record tells the write turns, which the lock keeps apart, and each kill and restart; who was killed goes on with its next step', async () => {
  const records: RunRecord[] = [];
  const result = await tried(killStorm, {
    clients: 2,
    params: { kills: 2 },
    onRecord: (record) => records.push(record),
  });
  assertSound(result);
  const [{ turns, marks, operations }] = records as [RunRecord];
  assert.equal(mostAtOnce(turns.filter(({ to }) => to !== Infinity)), 1);
  for (const { asked, from, to, client } of turns) {
    assert.ok(asked <= from && from <= to);
    assert.ok(['0', '1'].includes(client));
  }
  assert.deepEqual(marks.map(({ kind }) => kind).sort(), ['killed', 'killed', 'restarted', 'restarted']);
  assert.ok(marks.every(({ at }, i) => at >= (marks[i - 1]?.at ?? 0)));
  for (const client of ['0', '1']) {
    const steps = operations.filter((each) => each.client === client && each.kind !== 'open');
    assert.deepEqual(
      steps.map(({ step }) => step),
      steps.map((_, i) => i),
    );
  }
});

test('writes fail on purpose as often as was asked: some throw, some end their process, and each failure gives its turn back', async () => {
  const records: RunRecord[] = [];
  const result = await tried(smoke, {
    clients: 2,
    iterations: 8,
    seed: 1,
    failRate: 0.4,
    params: { sleepFromMs: 0, sleepToMs: 1 },
    onRecord: (record) => records.push(record),
  });
  assertSound(result);
  const [{ turns, marks, operations }] = records as [RunRecord];
  const kills = marks.filter(({ kind }) => kind === 'killed').length;
  const thrown = operations.filter(({ reason }) => reason === 'simulated');
  assert.ok(kills > 0 && thrown.length > 0, `${kills} killed, ${thrown.length} thrown`);
  for (const { outcome, message } of thrown) {
    assert.equal(outcome, 'refused');
    assert.match(message as string, /Simulated failure/);
  }
  assert.equal(turns.filter(({ to }) => to === Infinity).length, kills);
  assert.equal(result.settings.failRate, 0.4);
});

test('with one client, a seed makes a run what it was before', async () => {
  const idsOf = (seed: number) =>
    inScratch('lab', async (directory) => {
      await runScenario(concurrentWriters, { clients: 1, iterations: 12, as: 'threads', seed, directory });
      return (await recordsIn(`${directory}/store`)).map(({ id }) => id);
    });
  const ids = await idsOf(5);
  assert.deepEqual(await idsOf(5), ids);
  assert.notDeepEqual(await idsOf(6), ids);
});

test('each scenario is imported by a file of tests for scenarios, which the linter lets import no other', () => {
  const directory = join(packageRoot(), 'test/lab');
  const texts = readdirSync(directory)
    .filter((name) => /^scenarios-.+\.test\.ts$/.test(name))
    .map((name) => readFileSync(join(directory, name), 'utf8'));
  const isTested = (name: string) =>
    texts.some((text) => text.includes(` from '../../src/lab/scenarios/${name}.ts';`));
  const untested = SCENARIOS.map(({ name }) => name).filter((name) => !isTested(name));
  assert.deepEqual(untested, []);
});

test('the scenario in docs/STRESS.md holds on the log, and finds fault with a store that keeps nobody apart', () =>
  inScratch('own-scenario', async (directory) => {
    const page = readFileSync(join(packageRoot(), 'docs/STRESS.md'), 'utf8');
    const [, text] = /^```js\n(\/\/ my-scenario\.mjs\n[\s\S]*?)^```$/m.exec(page) ?? [];
    const file = join(directory, 'my-scenario.mjs');
    writeFileSync(file, text as string);
    const { default: scenario } = (await import(pathToFileURL(file).href)) as { default: Scenario };
    assertSound(await runScenario(scenario, { as: 'threads' }));
    const { checks } = await tried(scenario, { as: 'threads', target: jsonFile });
    assert.equal(checks.find(({ name }) => name === scenario.checks[0]?.name)?.ok, false);
  }));

test('each scenario has a name of its own, says what it is about, and is the default export of its module', async () => {
  assert.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length);
  for (const scenario of SCENARIOS) {
    assert.ok(scenario.module.includes(`/${scenario.name}.`), scenario.name);
    const { default: loaded } = (await import(scenario.module)) as { default: Scenario };
    assert.equal(loaded, scenario);
    for (const { clients, name } of scenario.roles)
      assert.ok(clients(scenario.clients) >= 1, `${scenario.name}: ${name}`);
  }
});
