import { segmentName } from '../../src/format/names.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import { LOG } from '../crash/workload.ts';
import type { SimDisk } from '../disk/sim-disk.ts';
import { Oracle } from './oracle.ts';

/** A log kept in git is one file. */
const PATH = `${LOG}/${segmentName(1)}`;
const MOST_COMMITS = 4;
const COMMIT_SHARE = 0.4;

interface Commit {
  readonly bytes: Buffer;
  readonly oracle: Oracle;
}

/** How the file of another commit gets into place. */
const WAYS = ['rewritten in place', 'removed and made', 'renamed'] as const;

/** The repository that a log lies in, and what becomes of the log when somebody works with it. */
export class Checkouts {
  readonly #commits: Commit[] = [];
  /** How often the file was replaced. */
  count = 0;
  /** The bytes that were put in place and nobody has synced since. */
  #unsynced: Buffer | undefined;
  /** What was left, each time. */
  readonly #left: string[] = [];

  /**
   * Commits, or replaces the file by another commit's. `inPlace`: it may be written over in place. Answers what is known of
   * that commit, and how it was done; undefined where nothing was.
   */
  work(
    disk: SimDisk,
    oracle: Oracle,
    dice: Dice,
    inPlace: boolean,
  ): { readonly oracle: Oracle; readonly how: string } | undefined {
    if (disk.look(PATH) === undefined) return undefined;
    const current = { bytes: bytesOf(disk), oracle: new Oracle(oracle) };
    if (this.#commits.length < MOST_COMMITS && dice() < COMMIT_SHARE) {
      this.#commits.push(current);
      return { oracle, how: 'the log is committed' };
    }
    const next = pick(dice, this.#commits);
    const way = pick(dice, WAYS.slice(inPlace ? 0 : 1)) as (typeof WAYS)[number];
    if (next === undefined) return undefined;
    this.#commits[this.#commits.indexOf(next)] = current;
    put(disk, next.bytes, way);
    this.count++;
    this.#left.push(current.bytes.toString('latin1'));
    this.#unsynced = next.bytes;
    const how = `the log of ${current.bytes.length} bytes is replaced by one of ${next.bytes.length}, ${way}`;
    return { oracle: new Oracle(next.oracle), how };
  }

  /** Something was acknowledged: what was put in place is kept. */
  keep(): void {
    this.#unsynced = undefined;
  }

  /** The power went: git, asked for what it has, puts it in place again. */
  crashed(disk: SimDisk): void {
    if (this.#unsynced === undefined) return;
    put(disk, this.#unsynced, 'renamed');
    disk.open(PATH, 'read').syncNow();
    disk.syncDirectory(LOG);
    this.#unsynced = undefined;
  }

  /** Whether these are all in what lies there now, or was left after so many checkouts. */
  holds(disk: SimDisk, ids: readonly string[], after: number): boolean {
    const now = disk.look(PATH) === undefined ? '' : bytesOf(disk).toString('latin1');
    const logs = [now, ...this.#left.slice(after)];
    return logs.some((log) => ids.every((id) => log.includes(`"id":"${id}"`)));
  }
}

function bytesOf(disk: SimDisk): Buffer {
  const file = disk.open(PATH, 'read');
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0);
  return bytes;
}

function put(disk: SimDisk, bytes: Buffer, way: (typeof WAYS)[number]): void {
  if (way === 'rewritten in place') {
    disk.rewrite(PATH, bytes);
    return;
  }
  const path = way === 'renamed' ? `${PATH}.tmp` : PATH;
  // Where it is not renamed over it, the log itself; otherwise, what a crash left of the last time.
  disk.remove(path);
  disk.open(path, 'create').append([bytes]);
  if (way === 'renamed') disk.rename(path, PATH);
}
