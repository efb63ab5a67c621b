import type { ResultLine } from '../../lab/model.ts';
import type { Latency, Result, RunSettings } from '../../lab/result.ts';
import { resultLines } from '../../lab/result.ts';
import type { Scenario } from '../../lab/scenario.ts';
import { count, duration, figure } from '../words.ts';

/** '5 processes x 20 steps, kernel lock, seed 7'. */
export function settingsText(settings: RunSettings): string {
  const { target, lock, seed, failRate, params } = settings;
  return [
    workText(settings),
    ...Object.entries(params).map(([name, value]) => `${name} ${value}`),
    ...(failRate === undefined ? [] : [`${failRate * 100} % simulated failures`]),
    lockText(lock),
    `target ${target}`,
    `seed ${seed}`,
  ].join(', ');
}

function lockText(lock: string): string {
  return lock === 'none' ? 'no lock' : `${lock} lock`;
}

/** '5 processes x 20 steps'. */
export function workText({
  as,
  clients,
  iterations,
  seconds,
}: Pick<RunSettings, 'as' | 'clients' | 'iterations' | 'seconds'>): string {
  const [one, many] = as === 'threads' ? ['thread', 'threads'] : ['process', 'processes'];
  const who = as === 'one-shot' ? count(clients, 'client') : count(clients, one, many);
  const each = as === 'one-shot' ? ', a new process for each step' : '';
  return `${who} ${seconds === undefined ? `x ${count(iterations, 'step')}` : `for ${seconds} s`}${each}`;
}

/** The `Results:` block: the scenario's own, and what can be told of any. */
export function resultsBlock(result: Result): string[] {
  const { results, operations, writes, reads, seconds } = result;
  const { acknowledged, refused, unknown } = operations;
  const general: ResultLine[] = [
    [
      'Operations',
      `${figure(acknowledged)} acknowledged, ${figure(refused)} refused, ${figure(unknown)} unknown`,
    ],
    ['Duration', duration(seconds * 1000)],
    ...(writes.count === 0 ? [] : [['Writes', latencyText(writes, seconds)] as const]),
    ...(reads.count === 0 ? [] : [['Reads', latencyText(reads, seconds)] as const]),
  ];
  return resultLines({ results: [...results, ...general] });
}

function latencyText({ count, p50, p99, max }: Latency, seconds: number): string {
  const rate = seconds === 0 ? '' : `${figure(count / seconds)}/s, `;
  const tail = p99 === undefined ? '' : `p99 ${duration(p99)}, `;
  return `${rate}p50 ${duration(p50)}, ${tail}max ${duration(max)}`;
}

/** The scenario's place in the list. */
export function listLines(scenario: Scenario): string[] {
  const { about, source, withoutLock, lock, params, needs } = scenario;
  const numbers = Object.entries(params).map(([name, value]) => `${name} ${value}`);
  return [
    `  ${about}`,
    `  source: ${source}; default: ${[workText(scenario), ...numbers, ...(lock === undefined ? [] : [lockText(lock)])].join(', ')}`,
    ...(withoutLock ? ['  holds without a lock, too'] : []),
    ...(needs.length === 0 ? [] : [`  needs of a target: ${needs.join(', ')}`]),
  ];
}
