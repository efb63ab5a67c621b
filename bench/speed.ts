import { ALONE, ALONE_64, ALONE_1024, CROWD_20, CROWD_64, CROWD_400, CROWD_OF_20 } from './crowd-plan.ts';
import { CLAIM, CLAIM_4, UPDATE } from './plan.ts';
import type { Ratio } from './ratio.ts';
import { REPLAY } from './replay-plan.ts';
import type { Section } from './section.ts';

/** What the README's table has, and what it calls it. */
const WORKS: readonly (readonly [section: string, work: string])[] = [
  [ALONE, 'one process appends 4,000 entries, and awaits each'],
  [CROWD_20, '5 processes append 20 entries each, and await each'],
  [CROWD_400, '5 processes append 400 each, and await each'],
  [CROWD_OF_20, '20 processes append 500 each, and await each'],
  [ALONE_64, 'one process, 64 appends in flight'],
  [ALONE_1024, 'one process, 1,024 appends in flight'],
  [CROWD_64, '5 processes, 64 appends in flight in each'],
  [UPDATE, '10 processes update one id, 50 times each'],
  [CLAIM, 'one process claims and completes jobs'],
  [CLAIM_4, '4 processes claim and complete jobs'],
  [REPLAY, 'all records are read'],
];
const PEERS = ['better-sqlite3', 'lmdb', 'floor'] as const;
const SUBJECTS = new Set<string>(['wal kernel', ...PEERS]);

/** The part of the plan that the README's table is made of. */
export function speedPlan(plan: readonly Section[]): readonly Section[] {
  const sections = plan.filter(({ name }) => WORKS.some(([section]) => section === name));
  return sections.map((section) => ({
    ...section,
    subjects: section.subjects.filter((name) => SUBJECTS.has(name)),
  }));
}

/** The README's table of speed, in Markdown: on a quiet machine, and on one whose cores compute something else. */
export function speedTable(quiet: readonly Ratio[], busy: readonly Ratio[]): string {
  const measured = WORKS.filter(([section]) => quiet.some(({ work }) => work === section));
  const lines = measured.map(([section, work]) => {
    const rates = PEERS.map((peer) => pair(quiet, busy, section, peer, 'rate'));
    const slowest = pair(quiet, busy, section, 'better-sqlite3', 'slowest');
    return `| ${[work, ...rates, slowest].join(' | ')} |`;
  });
  return [
    '| work | rate against better-sqlite3 | against lmdb | against the floor | slowest against better-sqlite3 |',
    '|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function pair(
  quiet: readonly Ratio[],
  busy: readonly Ratio[],
  section: string,
  peer: string,
  figure: 'rate' | 'slowest',
): string {
  const one = (ratios: readonly Ratio[]) => {
    const ratio = ratios.find(
      ({ work, ours, against }) => work === section && ours === 'wal kernel' && against === peer,
    )?.[figure];
    return ratio === undefined ? undefined : ratio.toPrecision(2);
  };
  const cells = [one(quiet), one(busy)];
  return cells.every((cell) => cell === undefined) ? '' : `${cells.map((cell) => cell ?? '-').join(' / ')} x`;
}
