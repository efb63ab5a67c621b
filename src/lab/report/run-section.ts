import type { RunRecord } from '../operations/run-record.ts';
import { repeatCall } from '../repeat.ts';
import type { Result } from '../result.ts';
import { count, duration } from './amounts.ts';
import { checksList } from './checks-list.ts';
import { embeddedJson, type Html, html, type Part } from './html.ts';
import { type Lanes, lanesOf } from './lanes.ts';
import { latenciesOf } from './latencies.ts';
import { latencyFigure } from './latency-figure.ts';
import { list } from './list.ts';
import { notablePart } from './notable-part.ts';
import { type Together, togetherOf } from './overlaps.ts';
import { type Picture, pictureOf } from './picture.ts';
import type { RunData } from './run-data.ts';
import { slicesOf } from './slices.ts';
import { rateOf, throughputFigure } from './throughput-figure.ts';
import { timelineFigure } from './timeline-figure.ts';

/** A run for a report. */
export interface ReportRun {
  readonly result: Result;
  readonly record: RunRecord;
  /** The command that repeats it. Default: the call of `runScenario` that does. */
  readonly repeat?: string | undefined;
}

/** A run's share of the report. */
export interface RunSection {
  readonly run: ReportRun;
  /** Name of its place in the page. */
  readonly anchor: string;
  readonly picture: Picture;
  readonly together: Together;
  readonly lanes: Lanes;
  readonly data: RunData;
}

/** Works out what is told of a run, with at most so many bars in its lanes. */
export function runSection(run: ReportRun, anchor: string, mostSpans: number): RunSection {
  const picture = pictureOf(run.record);
  const together = togetherOf(picture.turns);
  const lanes = lanesOf(picture, mostSpans);
  const data: RunData = {
    from: Math.floor(picture.from),
    to: Math.ceil(picture.to),
    lanes: lanes.lanes,
    hasLock: run.result.settings.lock !== 'none',
    overlaps: together.overlaps.map(({ from, to, most }) => [Math.round(from), Math.round(to), most]),
    marks: picture.marks.map(({ at, kind, client }) => [
      Math.round(at),
      kind,
      client === undefined ? -1 : (lanes.laneOf.get(client) ?? -1),
    ]),
    latency: latenciesOf(run.record.operations),
    throughput: slicesOf(picture),
  };
  return { run, anchor, picture, together, lanes, data };
}

export function verdictOf({ ok, slow, interrupted }: Result): Html {
  return html`<strong class="verdict ${ok ? 'pass' : 'fail'}">${ok ? 'PASS' : 'FAIL'}${slow && ', slow'}${interrupted && ', interrupted'}</strong>`;
}

export function runMarkup({ run, anchor, picture, together, lanes, data }: RunSection): Html {
  const { result, repeat = repeatCall(result) } = run;
  const { scenario, settings, directory } = result;
  return html`<section class="run" id="${anchor}" aria-labelledby="${anchor}-name">
<header>
<h2 id="${anchor}-name">${verdictOf(result)} ${scenario}</h2>
<p class="facts">${factsOf(result)}</p>
<p class="repeat"><span>Repeat it</span> <code>${repeat}</code></p>
${directory !== undefined && html`<p class="repeat"><span>Kept in</span> <code>${directory}</code></p>`}
</header>
${keyFigures({ run, anchor, picture, together, lanes, data })}
${checksList(result.checks)}
${timelineFigure({ anchor, picture, together, lanes, wanted: settings.clients, lock: settings.lock })}
${throughputFigure(anchor, data.throughput)}
${latencyFigure(anchor, data.latency)}
${notablePart(picture.operations)}
${result.results.length > 0 && html`<section class="part"><h3>What the scenario tells</h3>${list('facts-list', result.results)}</section>`}
<section class="part"><h3>Settings</h3>${list('facts-list', settingsOf(result))}</section>
<script type="application/json" id="${anchor}-data">${embeddedJson(data)}</script>
</section>
`;
}

function factsOf({ settings: { target, lock, as, clients, seed } }: Result): Html {
  return html`${target} · ${lock === 'none' ? 'no lock' : `${lock} lock`} · ${count(clients)} ${clientWord(as, clients)} · seed ${seed}`;
}

function clientWord(as: Result['settings']['as'], clients: number): string {
  const [one, many] = {
    processes: ['process', 'processes'],
    threads: ['thread', 'threads'],
    'one-shot': ['client', 'clients'],
  }[as] as [string, string];
  return `${clients === 1 ? one : many}${as === 'one-shot' ? ', a process for each step' : ''}`;
}

function keyFigures({ run: { result }, picture, together, data }: RunSection): Html {
  const { operations, seconds, writes, reads } = result;
  const main = writes.count > 0 ? writes : reads;
  const figures: (readonly [string, Part])[] = [
    ['most active at once', picture.turns.length === 0 ? 'not told' : together.most],
    ['acknowledged', count(operations.acknowledged)],
    ['refused', count(operations.refused)],
    ['unknown', count(operations.unknown)],
    ['acknowledged a second', rateOf(data.throughput, seconds)],
    [main === writes ? 'half the writes within' : 'half the reads within', duration(main.p50 * 1000)],
    ...(main.p99 === undefined ? [] : [['99 of 100 within', duration(main.p99 * 1000)] as const]),
    ['time', duration(seconds * 1e6)],
  ];
  return list('figures', figures);
}

function settingsOf({ settings }: Result): [string, Part][] {
  const { params, as, ...rest } = settings;
  return [
    ...Object.entries(rest).map(([name, value]): [string, Part] => [name, String(value)]),
    ['clients are', as],
    ...Object.entries(params).map(([name, value]): [string, Part] => [name, String(value)]),
  ];
}
