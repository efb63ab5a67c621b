import type { Bench } from '../machine.ts';
import { number, table } from '../table.ts';
import { whyAbsent } from './compare.ts';
import type { Contender } from './contenders.ts';
import type { Damage } from './damage.ts';
import type { Fault } from './faults.ts';
import type { Trial } from './trial.ts';

/** The parts of the report, as plain text of at most 100 columns. */

const TITLES = ['acknowledged', 'failed', 'lost', 'doubled', 'corrupt', 'hung', 'slowest ms'] as const;
const WIDTH = 100;

/** A fault's table: a row for each store, and what there is to say of some of them. */
export function faultText({ name, about }: Fault, trials: readonly Trial[]): string {
  const rows = trials.map(({ contender, damage }) => [contender, ...cells(damage)]);
  const notes = trials.flatMap(({ contender, skipped, failed, damage }) => [
    ...(skipped === undefined ? [] : [`${contender}: ${skipped}`]),
    ...(failed === undefined ? [] : [`${contender}: FAILED: ${failed}`]),
    ...(damage?.notes ?? []).map((note) => `${contender}: ${note}`),
  ]);
  return [table([name, ...TITLES], rows), `(${about})`, ...notes.map(cut)].join('\n');
}

function cells(damage: Damage | undefined): string[] {
  if (damage === undefined) return TITLES.map(() => '-');
  const { acknowledged, failed, lost, doubled, corrupt, hung, slowestMs } = damage;
  return [...[acknowledged, failed, lost, doubled, corrupt, hung].map(number), number(Math.round(slowestMs))];
}

/** Whether a store kept what it had acknowledged, once, and all its clients came to their end. */
export function holds({ lost, doubled, corrupt, hung, notes }: Damage): boolean {
  return lost + doubled + corrupt + hung + notes.length === 0;
}

/** The machine, and what is compared, in lines of that width. */
export function machineText({ node, system, fileSystem, cores, versions }: Bench, seed: number): string {
  const lines = [`node ${node}, ${system}, ${fileSystem}, ${cores} cores; seed ${seed}`, ''];
  for (const part of Object.entries(versions).map((each) => each.join(' '))) {
    const line = lines.pop() as string;
    if (`${line}, ${part}`.length < WIDTH) lines.push(line === '' ? part : `${line}, ${part}`);
    else lines.push(`${line},`, part);
  }
  return lines.join('\n');
}

/** Who does not take part, and why. */
export function absentText(contenders: readonly Contender[]): string {
  return contenders
    .flatMap((contender) => {
      const why = whyAbsent(contender);
      return why === undefined ? [] : [`${contender.name}: skipped: ${why}`];
    })
    .join('\n');
}

/** Everything that was done to each store, taken together. */
export function summaryText(contenders: readonly Contender[], trials: readonly Trial[]): string {
  const rows = present(contenders).map(({ name }) => {
    const all = trials.flatMap(({ contender, damage }) => (contender === name && damage ? [damage] : []));
    const held = all.filter(holds).length;
    return [name, ...cells(all.length === 0 ? undefined : all.reduce(added)), `${held} of ${all.length}`];
  });
  return table(['all together', ...TITLES, 'held'], rows);
}

function present(contenders: readonly Contender[]): Contender[] {
  return contenders.filter((contender) => whyAbsent(contender) === undefined);
}

function added(a: Damage, b: Damage): Damage {
  return {
    acknowledged: a.acknowledged + b.acknowledged,
    failed: a.failed + b.failed,
    lost: a.lost + b.lost,
    doubled: a.doubled + b.doubled,
    corrupt: a.corrupt + b.corrupt,
    hung: a.hung + b.hung,
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
    found: [...a.found, ...b.found],
    notes: [...a.notes, ...b.notes],
  };
}

/** What stands behind the stores' names. */
export function legendText(contenders: readonly Contender[]): string {
  return table(
    ['store', 'an append is acknowledged when it is'],
    present(contenders).map(({ name, promise }) => [name, promise]),
    2,
  );
}

/** What the columns count. */
export const COLUMNS = `failed: the store said that it did not do it, or might not have
lost: acknowledged and not there, or undone by an update that had not seen it
doubled: there twice, or under a number that another has, too
corrupt: lines or pages that the store cannot read, or finds fault with
hung: clients that did not come to their end in 20 s, and were ended
slowest ms: the longest that an acknowledged write took, unless its own client was stopped in it
held: under so many faults nothing was lost, doubled, corrupt or hung, and every client did its work`;

function cut(line: string): string {
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
}
