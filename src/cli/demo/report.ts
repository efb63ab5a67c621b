import { join } from 'node:path';
import { printable } from '../../format/printable.ts';
import type { DemoPlan } from '../../lab/demo.ts';
import type { DemoResult } from '../../lab/demo-result.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { count, duration, figure, size, wrap } from '../words.ts';
import type { Paint } from './paint.ts';

const WIDTH = 80;
const INDENT = '  ';
const LABEL_WIDTH = 11;
const MOST_PROBLEMS = 5;

/** What is about to happen. */
export function intro(plan: DemoPlan, paint: Paint): string {
  const { source, processes, inFlight, durability } = plan;
  const what =
    source.kind === 'sample'
      ? `${entries(source.entries)} of a made-up issue tracker's history (seed ${source.seed})`
      : `the history in ${printable(source.path)}`;
  const who = processes === 1 ? 'One process appends' : `${processes} processes at once append`;
  const each = processes === 1 ? 'It' : 'Each';
  const safe = durability === 'sync' ? 'safe on disk' : 'written';
  const pace =
    inFlight === 1
      ? `${each} waits until its entry is ${safe} before it appends the next.`
      : `${each} has up to ${inFlight} entries on their way until they are ${safe}.`;
  return lines([paint.bold('jsonl-wal demo'), '', ...prose(`${who} ${what} to one new log. ${pace}`), '']);
}

/** What came of it; what a person wants to know first comes first. */
export function report(plan: DemoPlan, result: DemoResult, paint: Paint): string {
  const sections = [
    failures(result).map(paint.bad),
    result.sound ? success(result).map(paint.good) : blame(result).map(paint.bad),
    figures(plan, result, paint),
    skipped(result, paint),
    next(plan, result, paint),
  ];
  return lines(sections.flatMap((section) => (section.length > 0 ? [...section, ''] : [])));
}

function failures({ members }: DemoResult): string[] {
  return members.flatMap(({ process, pid, problem, acknowledged, share }) => {
    if (problem === undefined) return [];
    const done = `after ${figure(acknowledged)} of ${entries(share)}`;
    return prose(`Process ${process + 1} (pid ${pid ?? 'none'}), ${done}, ${printable(problem)}.`);
  });
}

function success({ findings, entries: all, interrupted }: DemoResult): string[] {
  const { acknowledged } = findings;
  const stopped = interrupted ? `Stopped after ${figure(acknowledged)} of ${entries(all)}. ` : '';
  if (acknowledged === 0) return prose(`${stopped}Nothing was acknowledged.`);
  const which = acknowledged === all ? `All ${entries(all)} are` : 'All that was acknowledged is';
  return prose(`${stopped}${which} in the log: none lost, doubled or out of order.`);
}

function blame({ findings, verify }: DemoResult): string[] {
  const { lost, doubled, foreign, reordered, faults } = findings;
  const found = Object.entries({ lost, doubled, foreign, 'out of order': reordered });
  const what = found.flatMap(([name, n]) => (n > 0 ? [`${figure(n)} ${name}`] : []));
  const first = faults.map(({ kind, entry, seq }) =>
    entry === undefined ? `seq ${seq} (${kind})` : `entry ${entry + 1}, acknowledged as seq ${seq} (${kind})`,
  );
  return [
    ...(what.length > 0
      ? prose(`The log is not what the processes were told: ${what.join(', ')}. First: ${first.join('; ')}.`)
      : []),
    ...(verify.ok
      ? []
      : prose(`Verify: ${printable(verify.error?.message ?? 'the log does not read well')}`)),
  ];
}

function figures(plan: DemoPlan, result: DemoResult, paint: Paint): string[] {
  const { findings, verify, members, seconds, latencyMs, problems } = result;
  const { acknowledged, lost, doubled, foreign, reordered, untold } = findings;
  const tell = (name: string, n: number) => (n === 0 ? `${name} 0` : paint.bad(`${name} ${figure(n)}`));
  const rate = seconds > 0 ? acknowledged / seconds : 0;
  const safe =
    plan.durability === 'sync' ? 'each on disk before it was acknowledged' : 'each acknowledged when written';
  const rows: Record<string, string | undefined> = {
    entries: `${figure(acknowledged)}, by ${count(members.length, 'process', 'processes')}, in ${duration(seconds * 1000)}`,
    skipped: problems.length === 0 ? undefined : `${count(problems.length, 'line')} of the input`,
    rate: `${figure(rate)} entries/s, ${safe}`,
    latency: `p50 ${duration(latencyMs.p50)}, ${latencyMs.p99 === undefined ? '' : `p99 ${duration(latencyMs.p99)}, `}max ${duration(latencyMs.max)}`,
    lock: lockUse(result),
    retries: retries(result),
    check: [
      tell('lost', lost),
      tell('doubled', doubled),
      tell('foreign', foreign),
      tell('out of order', reordered),
    ].join(', '),
    untold: untold === 0 ? undefined : `${entries(untold)} more: their process ended before it told of them`,
    verify: verdicts(result, paint),
    log: `${size(verify.bytes)} in ${printable(result.directory)}`,
  };
  return Object.entries(rows).flatMap(([label, value]) =>
    value === undefined ? [] : [`${INDENT}${paint.dim(label.padEnd(LABEL_WIDTH))}${value}`],
  );
}

function lockUse({ lock, work }: DemoResult): string {
  const { turns, waits, longestWaitMs, takeovers } = work;
  if (lock === 'none') return 'none: whoever is overtaken writes again';
  const percent = turns === 0 ? 0 : Math.round((100 * waits) / turns);
  const without = takeovers > 0 ? `; ${figure(takeovers)} went on without` : '';
  return `${lock}; ${percent} % of ${count(turns, 'turn')} waited, ${duration(longestWaitMs)} at most${without}`;
}

function retries({ work }: DemoResult): string {
  if (work.retries === 0) return '0';
  return `${count(work.retries, 'write')} overtaken, ${count(work.superseded, 'line')} written again`;
}

function verdicts({ verify }: DemoResult, paint: Paint): string {
  const found = Object.entries(verify.lines).flatMap(([name, n]) => (n > 0 ? [`${figure(n)} ${name}`] : []));
  return `${verify.ok ? 'ok' : paint.bad('not ok')}: ${found.join(', ') || 'empty'}`;
}

function skipped({ problems }: DemoResult, paint: Paint): string[] {
  if (problems.length === 0) return [];
  const shown = problems.slice(0, MOST_PROBLEMS);
  const more = problems.length - shown.length;
  return [
    `${INDENT}${paint.bold('Skipped')}`,
    ...shown.flatMap(({ line, problem }) => prose(`line ${line}: ${printable(problem)}`)),
    ...(more > 0 ? [`${INDENT}and ${figure(more)} more`] : []),
  ];
}

function next({ lock }: DemoPlan, { directory, verify }: DemoResult, paint: Paint): string[] {
  const [segment] = verify.segments;
  const demo = process.env.npm_lifecycle_event === 'start' ? 'npm start --' : 'npx jsonl-wal demo';
  const commands = [
    ...(segment ? [`head -3 ${shellWord(join(directory, segment.name))} | jq`] : []),
    `npx jsonl-wal verify -C ${shellWord(directory)}`,
    lock === 'none' ? `${demo} --lock none --processes 20` : `${demo} --lock none`,
  ];
  return [
    `${INDENT}${paint.bold('Try next')}`,
    ...commands.map((command) => `${INDENT}${INDENT}${printable(command)}`),
  ];
}

function entries(n: number): string {
  return count(n, 'entry', 'entries');
}

function prose(text: string): string[] {
  return wrap(text, INDENT, WIDTH);
}

function lines(of: string[]): string {
  return `${of.join('\n')}\n`;
}
