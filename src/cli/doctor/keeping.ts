import { existsSync, readdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import {
  BACKUPS_DIRECTORY,
  FAILED_SYNC_FILE,
  mayBeInTheMaking,
  REPAIRING_FILE,
  snapshotSeq,
} from '../../format/names.ts';
import { straysAmong } from '../../format/strays.ts';
import { notedRewinds, type Rewind, type StrayKind, type VerifyReport, Wal } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { isGone } from '../holder.ts';
import { attempt, notedText, rewoundText, segmentsIn, snapshotsIn } from '../log.ts';
import { count, strayText } from '../words.ts';
import { isInRepository, wantingGitFiles } from '../write-file.ts';
import { ageText, commandOn, compactAdvice, type Finding } from './check.ts';
import { copiesOf, fromBackups } from './from-backups.ts';

/** What nobody touched for so long is left over. */
const LEFTOVER_MS = 3_600_000;
/** So many are named. */
const MOST_STRAYS = 3;

/** What a failed sync leaves. */
export function checkFailedSync(directory: string): Finding {
  const path = join(directory, FAILED_SYNC_FILE);
  if (!existsSync(path)) return { state: 'ok', message: 'no sync failed here' };
  const message = 'a sync failed, and what was written last may not be on the disk';
  const fix = `look at the disk ("dmesg"); the next process that opens the log to write repairs that: ${commandOn(directory, 'init')}`;
  return { state: 'warn', message, fix };
}

const CONVERTED =
  'It is whole but for what a checkout, an editor or a script did to its lines, or for one byte of its first line: a salvage brings all of it back.';

/** The snapshots, and what is gone with those that are damaged. */
export async function checkSnapshots(directory: string, report: VerifyReport): Promise<Finding> {
  const { damage, error } = report;
  const all = snapshotsIn(directory).map(({ name: file }) => file);
  const found = damage.filter(({ segment }) => all.includes(segment));
  const bad = found.map(({ segment }) => segment);
  const newest = all.filter((file) => !bad.includes(file)).at(-1);
  const lost = found.find(({ records }) => records > 0);
  if (error?.cause === 'snapshot' || lost !== undefined) {
    const plan = await Wal.repair(directory, { mode: 'salvage', dryRun: true }).catch(() => undefined);
    const isWhole = plan?.lost.length === 0 && plan.lostIds === 0;
    const gone =
      lost && `${lost.segment} is damaged, and entries ${lost.from} to ${lost.to} are lost with it`;
    const told = error?.cause === 'snapshot' ? error.message : (gone as string);
    const message = isWhole ? `${told} ${CONVERTED}` : told;
    const salvage = commandOn(directory, 'repair --mode salvage');
    const fix = isWhole ? salvage : `to continue with what is left: ${salvage}`;
    const better = await fromBackups(directory, report, fix);
    return { state: 'fail', message, fix: better, corrupt: true };
  }
  if (all.length === 0) return { state: 'ok', message: 'none' };
  const reached = newest === undefined ? 0 : (snapshotSeq(newest) as number);
  if (bad.length === 0)
    return { state: 'ok', message: `${all.length}, all whole, the newest of entry ${reached}` };
  const instead = newest === undefined ? 'the entries are all there' : `that of entry ${reached} stands in`;
  const fix = `make a new one: ${await compactAdvice(directory)}`;
  return { state: 'warn', message: `${bad.join(' and ')} cannot be read; ${instead}`, fix };
}

export const STRAY_FIXES: Readonly<Record<StrayKind, string>> = {
  placeholder:
    'have it downloaded ("brctl download", or open the folder in Finder), and keep the log where nothing is taken off the disk',
  conflict:
    'its entries may be in no other file: append those that the log lacks, then move it away; let a sync tool copy backups, not the log',
  rotated:
    'take the log out of logrotate, for its entries count only in the log: "jsonl-wal compact" keeps it small; move the copy away',
  copy: 'move it away; "jsonl-wal backup" makes copies that can be restored',
};

/** Files that bear names like the log's: nothing in them counts. */
export function checkStrays(directory: string): Finding {
  const strays = straysAmong(readdirSync(directory));
  const kinds = ['placeholder', 'conflict', 'rotated', 'copy'] as const;
  const worst = kinds.find((kind) => strays.some((stray) => stray.kind === kind));
  if (worst === undefined) return { state: 'ok', message: 'no copies of its files are beside the log' };
  const first = strays.filter(({ kind }) => kind === worst).slice(0, MOST_STRAYS);
  const more =
    strays.length > first.length ? `, and ${count(strays.length - first.length, 'other file')}` : '';
  const message = `${first.map(strayText).join(', ')}${more}: no part of the log`;
  return { state: worst === 'placeholder' ? 'fail' : 'warn', message, fix: STRAY_FIXES[worst] };
}

/**
 * What was acknowledged on this machine and is not in the log any more: by its mark, and by what was noted since. `broken`: the
 * lines cannot be read to their end.
 */
export function checkRewound(directory: string, rewound: Rewind | undefined, broken: boolean): Finding {
  const noted = notedRewinds(directory).map(notedText);
  const all = [...(rewound === undefined ? [] : [rewoundText(rewound)]), ...noted.reverse()];
  const [last] = all;
  if (last === undefined)
    return { state: 'ok', message: 'nothing acknowledged on this machine is known to be missing' };
  const more = all.length > 1 ? `; and ${count(all.length - 1, 'time')} before that` : '';
  if (rewound !== undefined && broken) {
    const message = `this machine saw entry ${rewound.to} acknowledged; the log can be read up to ${rewound.head.seq}`;
    return {
      state: 'warn',
      message,
      fix: 'fix the log first, as said above: the repair reports what it keeps, and what is lost',
    };
  }
  const fix = `put the right copy back ("jsonl-wal backup list"), or, where it was meant to be so: ${commandOn(directory, 'doctor --forget')}`;
  if (rewound !== undefined && segmentsIn(directory).length + snapshotsIn(directory).length === 0) {
    const message = `no append works: ${last}${more}. Neither a segment nor a snapshot is left`;
    return { state: 'fail', message, fix, corrupt: true };
  }
  return { state: 'warn', message: `${last}${more}`, fix };
}

/** What crashes left of files and copies that were being made. */
export function checkLeftovers(directory: string): Finding {
  const place = resolve(directory);
  const backups = join(place, BACKUPS_DIRECTORY);
  const beside = `${basename(place)}.`;
  const found = [
    ...namesIn(place, (file) => file.endsWith('.tmp') && file !== REPAIRING_FILE),
    ...namesIn(backups, (file) => file.endsWith('.tmp') || file.startsWith('repaired-')),
    ...namesIn(dirname(place), (file) => file.startsWith(beside) && file.endsWith('.tmp')),
  ];
  const aged = found.flatMap((path) => {
    const look = statSync(path, { throwIfNoEntry: false });
    if (look === undefined) return [];
    const age = mayBeInTheMaking(path, hostname(), isGone) ? 0 : Date.now() - look.mtimeMs;
    return [{ path, age }];
  });
  const old = aged.filter(({ age }) => age > LEFTOVER_MS);
  const [first] = old;
  if (first === undefined) {
    const young = aged.length === 0 ? 'none' : `none; ${count(aged.length, 'file')} being made, it seems`;
    return { state: 'ok', message: young };
  }
  const more = old.length > 1 ? `, and ${old.length - 1} more` : '';
  const fix = `rm -r ${old.map(({ path }) => shellWord(path)).join(' ')}`;
  const message = `${first.path}, ${ageText(first.age)} old${more}: what a crash left, of no use`;
  return { state: 'warn', message, fix };
}

function namesIn(place: string, wanted: (name: string) => boolean): string[] {
  // Another check reports a directory that may not be listed.
  return attempt(() => readdirSync(place), [])
    .filter(wanted)
    .map((name) => join(place, name));
}

/** In a git repository: whether git leaves alone what it must. */
export function checkGit(directory: string, git: boolean): Finding {
  if (!isInRepository(directory)) return { state: 'ok', message: 'not in a repository' };
  const wanting = wantingGitFiles(directory);
  if (wanting.length === 0) return checkClean(directory);
  const why = 'git could change line ends, or take in what belongs to this machine';
  const message = `${wanting.join(' and ')} in the log's directory lacks lines: ${why}`;
  return { state: 'warn', message, fix: commandOn(directory, git ? 'init --git' : 'init') };
}

/** What git is told to leave alone is what "git clean -x" deletes. */
function checkClean(directory: string): Finding {
  const copies = copiesOf(directory).length;
  if (copies === 0) return { state: 'ok', message: 'git ignores what it must' };
  const message = `"git clean -fdx" would delete the ${count(copies, 'copy', 'copies')} in ${join(directory, BACKUPS_DIRECTORY)}`;
  const fix = `keep one outside of the repository: jsonl-wal backup NEW-DIRECTORY -C ${shellWord(directory)}`;
  return { state: 'warn', message, fix };
}
