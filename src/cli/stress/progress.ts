import type { LabEvent } from '../../lab/harness/options.ts';
import { clearStatus, showStatus } from '../status.ts';
import { stderr } from '../stderr.ts';
import { figure } from '../words.ts';

/** Off a terminal, so often. */
const LINE_MS = 10_000;
/** The rate is that of so long. */
const WINDOW_SECONDS = 2;

const DOING = { prepare: 'preparing', run: 'starting', check: 'checking' } as const;

type Moment = Pick<Extract<LabEvent, { kind: 'progress' }>, 'tally' | 'seconds'>;

/** Tells on stderr how a run is going: live on a terminal, elsewhere a line now and then. */
export function showProgress(name: string): (event: LabEvent) => void {
  const live = stderr().isTTY === true;
  const recent: Moment[] = [];
  let next = performance.now() + LINE_MS;
  const say = (text: string) => {
    if (live) {
      showStatus(`${name}: ${text}`);
    } else if (performance.now() >= next) {
      next = performance.now() + LINE_MS;
      stderr().write(`${name}: ${text}\n`);
    }
  };
  return (event) => {
    if (event.kind === 'phase') say(`${DOING[event.phase]} ...`);
    if (event.kind === 'started') say(`${figure(event.clients)} clients started`);
    if (event.kind === 'ended' && event.problems.length > 0) {
      clearStatus();
      stderr().write(`${name}: client ${event.client} ${firstLine(event.problems[0] as string)}\n`);
    }
    if (event.kind !== 'progress') return;
    recent.push(event);
    while (recent.length > 2 && event.seconds - (recent[0] as Moment).seconds > WINDOW_SECONDS)
      recent.shift();
    say(textOf(event, rateOf(recent)));
  };
}

function rateOf(recent: readonly Moment[]): number {
  const [first, last] = [recent[0] as Moment, recent.at(-1) as Moment];
  const seconds = last.seconds - first.seconds;
  if (seconds <= 0) return last.seconds <= 0 ? 0 : last.tally.acknowledged / last.seconds;
  return (last.tally.acknowledged - first.tally.acknowledged) / seconds;
}

function textOf(event: Extract<LabEvent, { kind: 'progress' }>, rate: number): string {
  const { tally, active, seconds, left } = event;
  return [
    `${figure(rate)}/s`,
    `${figure(tally.unknown)} errors`,
    `${figure(active)} active`,
    left === undefined ? `${Math.floor(seconds)} s` : `${Math.ceil(left)} s left`,
    `${figure(tally.acknowledged)} done`,
    ...(tally.refused === 0 ? [] : [`${figure(tally.refused)} refused`]),
  ].join(', ');
}

function firstLine(text: string): string {
  return text.split('\n')[0] as string;
}
