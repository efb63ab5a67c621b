import { describe } from './describe.ts';
import type { Bench } from './machine.ts';
import type { Ratio } from './ratio.ts';
import type { Result } from './run.ts';
import { type SubjectName, subjectOf } from './subjects.ts';
import { number, table } from './table.ts';
import type { Outcome } from './target.ts';
import type { Figures } from './work.ts';

/** The parts of the report, as plain text to be printed and pasted. */

export function machineText(machine: Bench, disk: Figures, busy: boolean): string {
  const { cpu, cores, memoryGB, system, node, fileSystem, load, versions } = machine;
  return [
    `machine      ${cpu}, ${cores} cores, ${memoryGB} GB; ${system}; load ${load.toFixed(2)} before the first trial${busy ? '; busy: a process a core computes' : ''}`,
    `node         ${node}`,
    `file system  ${fileSystem}`,
    `disk         write + fdatasync of one line: p50 ${number(disk.p50)} ms, ${disk.p99 === undefined ? '' : `p99 ${number(disk.p99)} ms, `}slowest ${number(disk.slowest)} ms`,
    `versions     ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
  ].join('\n');
}

export function sectionText({ section, rows, idle }: Result): string {
  const titles = [section.name, ...section.columns.map(({ title }) => title)];
  const measured = rows.filter(({ trials }) => trials.length > 0);
  const cells = measured.map(({ subject, median }) => [
    subject,
    ...section.columns.map(({ figure }) => number(median[figure])),
  ]);
  const absent = rows.flatMap(({ subject, skipped, failed }) => [
    ...(skipped === undefined ? [] : [`${subject}: skipped: ${skipped}`]),
    ...(failed === undefined ? [] : [`${subject}: FAILED: ${failed}`]),
  ]);
  const body = cells.length > 0 ? table(titles, cells) : section.name;
  const spent = measured.flatMap(({ subject, median }) => spentText(subject, median));
  const quiet = `(idle before each round: ${idle.map((share) => Math.round(share)).join(', ')} %)`;
  return [body, `(${describe(section)})`, ...spent, quiet, ...absent].join('\n');
}

/** Where the time of an append went, where that was counted. Times overlap where several appends are in flight. */
function spentText(subject: string, { whole, waiting, turn, syncing, user, system }: Figures): string[] {
  if (whole === undefined) return [];
  const us = (time: number | undefined) => `${Math.round(time ?? 0)} us`;
  return [
    `(${subject}: of ${us(whole)} an append, waiting for the lock ${us(waiting)}, in the turn ${us(turn)}, syncing ${us(syncing)}; processor: JavaScript and Node ${us(user)}, system ${us(system)})`,
  ];
}

export function ratioText(ratios: readonly Ratio[]): string {
  const rows = ratios.map(({ work, ours, against, rate, range, cpu, slowest, trials }) => [
    `${work}: ${ours}`,
    against,
    `${number(rate)} x`,
    `${number(range[0])} to ${number(range[1])}`,
    times(cpu),
    times(slowest),
    String(trials),
  ]);
  const titles = ['ours / theirs', 'theirs', 'rate', 'lowest to highest', 'CPU', 'slowest', 'trials'];
  return `${table(titles, rows, 2)}\n(medians of the ratios within a round; rate: more is better; processor time and slowest append: less is better)`;
}

const times = (ratio: number | undefined): string => (ratio === undefined ? '-' : `${number(ratio)} x`);

export function targetText(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(({ name, unit, bound, sense, measured, reached }) =>
    measured === undefined
      ? []
      : [
          [
            name,
            reached ? 'reached' : 'NOT REACHED',
            `${sense} ${number(bound)} ${unit}`,
            `${number(measured)} ${unit}`,
          ],
        ],
  );
  return `${table(['target', '', 'bound', 'measured'], rows, 2)}\n(${outcomes.length - rows.length} targets not measured)`;
}

/** What stands behind the names in the tables. */
export function legendText(names: readonly SubjectName[]): string {
  return table(
    ['name', 'settings'],
    names.map((name) => [name, subjectOf(name).settings]),
    2,
  );
}
