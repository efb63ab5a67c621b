import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  makeReport,
  type ReportRun,
  type RunOptions,
  type RunRecord,
  runScenario,
  type Turn,
} from '../../src/lab/index.ts';
import { repeatCall } from '../../src/lab/repeat.ts';
import { togetherOf } from '../../src/lab/report/overlaps.ts';
import { pictureOf } from '../../src/lab/report/picture.ts';
import type { RunData } from '../../src/lab/report/run-data.ts';
import { runMarkup, runSection } from '../../src/lab/report/run-section.ts';
import { slicesOf } from '../../src/lab/report/slices.ts';
import { type Span, thinned } from '../../src/lab/report/thinned.ts';
import noDataLoss from '../../src/lab/scenarios/no-data-loss.ts';
import { seeded } from '../../src/lab/seeded.ts';
import jsonFile from '../../src/lab/targets/json-file.ts';
import { madeRun } from '../support/made-run.ts';
import { inScratch } from '../support/scratch.ts';

async function realRun(directory: string, options: RunOptions): Promise<ReportRun> {
  let record: RunRecord | undefined;
  const result = await runScenario(noDataLoss, {
    ...options,
    directory: join(directory, 'run'),
    onRecord: (told) => {
      record = told;
    },
  });
  return { result, record: record as RunRecord };
}

/** The page's text, as a person reads it who sees no charts. */
function textOf(page: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'" };
  return page
    .replace(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(\w+|#39);/g, (_, name) => named[name] as string)
    .replace(/\s+/g, ' ');
}

/** What the charts are drawn from, of each run. */
function dataOf(page: string): RunData[] {
  const blocks = page.matchAll(/<script type="application\/json"[^>]*>([\s\S]*?)<\/script>/g);
  return [...blocks].map(([, json]) => JSON.parse(json as string) as RunData);
}

test('a report of a run tells its verdict, what it ran on, what repeats it, and what was checked', async () => {
  const run = await inScratch('report', (directory) =>
    realRun(directory, { clients: 2, iterations: 5, seed: 77 }),
  );
  const page = makeReport([run]);
  const text = textOf(page);
  assert.match(text, /PASS no-data-loss jsonl-wal · kernel lock · 2 processes · seed 77/);
  assert.ok(text.includes(repeatCall(run.result)), text);
  for (const { name } of run.result.checks) assert.ok(text.includes(name), name);
  assert.match(text, /most active at once: 1/);
  assert.match(text, new RegExp(`Node ${process.version}`));
  const [data] = dataOf(page) as [RunData];
  assert.deepEqual(
    data.lanes.map(({ name, role }) => `${name} ${role}`),
    ['0 agent', '1 agent'],
  );
  const turns = data.lanes.reduce((sum, { turns }) => sum + turns.length.length, 0);
  assert.equal(turns, run.record.turns.length);
  assert.ok(turns > 0);
  assert.equal(
    data.throughput.counts.acknowledged.reduce((sum, value) => sum + value, 0) + data.throughput.before,
    run.result.operations.acknowledged,
  );
});

test('a run that failed is told with its faults, and where it is kept', async (t) => {
  const run = await inScratch('report', (directory) =>
    realRun(directory, { clients: 4, iterations: 10, as: 'threads', target: jsonFile }),
  );
  const { result } = run;
  t.diagnostic(`seed ${result.settings.seed}`);
  const text = textOf(makeReport([run]));
  assert.equal(result.ok, false);
  assert.match(text, /FAIL no-data-loss json-file · no lock/);
  for (const { examples } of result.checks) for (const example of examples) assert.ok(text.includes(example));
  assert.ok(text.includes(result.directory as string));
  assert.match(text, /most active at once: \d+ There is no lock in this run/);
});

test('a target that does not tell its write turns is not said to have none', () => {
  const { result, record } = madeRun({ clients: ['0'], operations: 3 });
  const text = textOf(makeReport([{ result, record: { ...record, turns: [] } }]));
  assert.match(text, /The target does not say who is in its write turn/);
  assert.doesNotMatch(text, /most active at once: /);
});

test('several runs are listed first, each with a link to where it is told', () => {
  const runs = [madeRun({ clients: ['0'], operations: 3 }), madeRun({ clients: ['0', '1'], operations: 3 })];
  const page = makeReport(runs);
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, anchor]) => anchor as string);
  assert.equal(links.length, 2);
  for (const anchor of links) assert.ok(page.includes(`<section class="run" id="${anchor}"`));
  assert.equal(dataOf(page).length, 2);
});

describe('what comes from a log is text, whatever is in it:', () => {
  const HOSTILE = [
    '</script><script>alert(1)</script>',
    '<!--<script>',
    ']]><img src=x onerror=alert(1)>',
    '"\' onfocus=alert(1) autofocus x="',
    'a\u2028b\u2029c',
    'seen\u202eneddih',
    '\ud800 \u0000 \u001b[31m',
    '&lt;script&gt;',
  ];
  for (const hostile of HOSTILE) {
    test(JSON.stringify(hostile), () => {
      const run = madeRun({
        clients: [hostile, '1'],
        operations: 20,
        id: hostile,
        message: hostile,
        kills: 1,
      });
      const check = { name: hostile, ok: false, faults: 1, examples: [hostile], timed: false };
      const settings = { ...run.result.settings, target: hostile, lock: hostile };
      const result = {
        ...run.result,
        scenario: hostile,
        settings,
        checks: [check],
        results: [[hostile, hostile]] as const,
        directory: hostile,
        ok: false,
      };
      const page = makeReport([{ ...run, result, repeat: hostile }]);
      const harmless = makeReport([madeRun({ clients: ['0', '1'], operations: 20, kills: 1 })]);
      const elements = (text: string, name: RegExp) => (text.match(name) ?? []).length;
      for (const name of [/<script/g, /<\/script/g, /<!--/g, /<img/g])
        assert.equal(elements(page, name), elements(harmless, name), String(name));
      assert.doesNotMatch(page, / onfocus=alert\(1\) autofocus x="/);
      assert.doesNotMatch(page, /(?!\n)\p{Control}|[\u2028\u2029\u202e]|\p{Surrogate}/u);
      const lanes = dataOf(page)[0]?.lanes.map(({ name }) => name) ?? [];
      assert.equal(lanes.length, 2);
      if (!/[^ -~]/.test(hostile)) {
        assert.ok(lanes.includes(hostile), String(lanes));
        assert.ok(textOf(page).includes(`append ${hostile}.0.`), 'the id of an operation');
      }
    });
  }
});

test('the page allows itself its own script and style, and nothing from elsewhere', () => {
  const page = makeReport([madeRun({ clients: ['0'], operations: 3 })]);
  const [, policy] = page.match(/Content-Security-Policy" content="([^"]+)"/) ?? [];
  const hashOf = (element: string) => {
    const text = page.split(`<${element}>`)[1]?.split(`</${element}>`)[0];
    return `sha256-${createHash('sha256')
      .update(text as string)
      .digest('base64')}`;
  };
  const directives = (policy as string).replaceAll('&#39;', "'").split('; ');
  assert.deepEqual(directives, [
    "default-src 'none'",
    `script-src '${hashOf('script')}'`,
    `style-src '${hashOf('style')}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ]);
  const markup = page.replace(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '');
  const addresses = [...markup.matchAll(/\b(?:src|href|action)="([^"]*)"/g)].map(([, address]) => address);
  assert.deepEqual(addresses, ['data:,']);
});

test('the page keeps the notice that the licence of its chart library asks for', () => {
  const page = makeReport([madeRun({ clients: ['0'], operations: 3 })]);
  assert.match(
    page,
    /uPlot[\s\S]*The MIT License[\s\S]*Copyright \(c\) 2022 Leon Sorokin[\s\S]*Permission is hereby granted/,
  );
});

test('a run too large to show every bar is thinned out: no mark and no operation is uncounted', () => {
  const clients = Array.from({ length: 20 }, (_, i) => String(i));
  const section = runSection(madeRun({ clients, operations: 100, kills: 500 }), 'run-1', 1000);
  const { lanes, marks } = section.data;
  const sum = (row: readonly number[]) => row.reduce((total, value) => total + value, 0);
  assert.match(
    textOf(runMarkup(section).text),
    /Thinned out: bars of a lane no more than [\d.]+ .s apart are kept as one/,
  );
  assert.equal(marks.length, 1000);
  for (const kind of ['turns', 'operations'] as const) {
    assert.ok(sum(lanes.map((lane) => lane[kind].gap.length)) <= 500);
    assert.equal(sum(lanes.map((lane) => sum(lane[kind].joined ?? []))), 2000);
  }
});

test('with more clients than lanes fit, some share one, and the page says so', () => {
  const clients = Array.from({ length: 600 }, (_, i) => String(i));
  const page = makeReport([madeRun({ clients, operations: 1 })]);
  const [data] = dataOf(page) as [RunData];
  assert.equal(data.lanes.length, 200);
  assert.deepEqual([data.lanes[1]?.name, data.lanes[1]?.role], ['3 to 5', 'writer']);
  assert.match(textOf(page), /600 clients, 600 turns in .* 3 clients share a lane/);
});

describe('how many are in the write turn at once', () => {
  const turn = (from: number, to: number): Turn => ({ client: '0', asked: from, from, to });
  const CASES: readonly (readonly [string, readonly Turn[], ReturnType<typeof togetherOf>])[] = [
    ['nobody', [], { most: 0, overlaps: [] }],
    ['one after the other, at the same moment', [turn(0, 5), turn(5, 9)], { most: 1, overlaps: [] }],
    ['two', [turn(0, 5), turn(3, 9)], { most: 2, overlaps: [{ from: 3, to: 5, most: 2 }] }],
    [
      'three, and later two',
      [turn(0, 10), turn(2, 8), turn(4, 6), turn(20, 30), turn(29, 31)],
      {
        most: 3,
        overlaps: [
          { from: 2, to: 8, most: 3 },
          { from: 29, to: 30, most: 2 },
        ],
      },
    ],
  ];
  for (const [name, turns, expected] of CASES)
    test(name, () => assert.deepEqual(togetherOf(turns), expected));

  test('as many as counting at every moment finds', (t) => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    t.diagnostic(`seed ${seed}`);
    const dice = seeded(seed);
    const turns = Array.from({ length: 200 }, () => {
      const from = Math.floor(dice() * 1000);
      return turn(from, from + 1 + Math.floor(dice() * 20));
    });
    const at = (moment: number) => turns.filter(({ from, to }) => from <= moment && moment < to).length;
    const moments = Array.from({ length: 1100 }, (_, moment) => moment);
    const { most, overlaps } = togetherOf(turns);
    assert.equal(most, Math.max(...moments.map(at)));
    const told = new Set(overlaps.flatMap(({ from, to }) => moments.slice(from, to)));
    assert.deepEqual(
      [...told],
      moments.filter((moment) => at(moment) > 1),
    );
  });
});

test('a turn that a killed client never gave back ends with the client, not with the run', () => {
  const picture = pictureOf({
    start: 100,
    roles: new Map(),
    operations: [],
    turns: [
      { client: '0', asked: 110, from: 120, to: Infinity },
      { client: '1', asked: 110, from: 150, to: Infinity },
    ],
    marks: [
      { at: 140, kind: 'killed', client: '0' },
      { at: 190, kind: 'restarted', client: '0' },
    ],
  });
  assert.deepEqual(
    picture.turns.map(({ from, to }) => [from, to]),
    [
      [20, 40],
      [50, 90],
    ],
  );
  assert.equal(togetherOf(picture.turns).most, 1);
});

test('every operation is counted in one slice, but for those that ended before the start', () => {
  const { record } = madeRun({ clients: ['0', '1', '2'], operations: 50 });
  const picture = pictureOf({ ...record, start: record.start + 5000 });
  const { before, counts } = slicesOf(picture);
  const ended = record.operations.filter(({ end }) => end < record.start + 5000).length;
  assert.ok(ended > 0);
  assert.equal(before, ended);
  assert.equal(
    Object.values(counts)
      .flat()
      .reduce((sum, value) => sum + value, 0),
    150 - ended,
  );
});

test('thinning out joins what lies closest, and keeps what lies furthest apart', () => {
  const span = (from: number, to: number): Span => ({ from, to, joined: 1 });
  const join = (a: Span, b: Span): Span => ({ from: a.from, to: b.to, joined: a.joined + b.joined });
  const lanes = [
    [span(0, 1), span(3, 4), span(50, 51)],
    [span(0, 9), span(10, 11)],
  ];
  assert.deepEqual(thinned(lanes, 5, join), { lanes, within: undefined });
  assert.deepEqual(thinned(lanes, 3, join), {
    lanes: [[{ from: 0, to: 4, joined: 2 }, span(50, 51)], [{ from: 0, to: 11, joined: 2 }]],
    within: 2,
  });
});
