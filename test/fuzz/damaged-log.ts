import { pick, seeded } from '../../src/lab/seeded.ts';
import { BYTE_MUTATIONS } from './byte-mutations.ts';
import { FILE_MUTATIONS } from './file-mutations.ts';
import type { Files } from './files.ts';
import { LINE_MUTATIONS } from './line-mutations.ts';
import { below, forgedInto, type Mutation } from './mutation.ts';
import type { RealLog } from './real-logs.ts';
import { SNAPSHOT_MUTATIONS } from './snapshot-mutations.ts';

/** A log that was damaged as a seed says. */
export interface DamagedLog {
  readonly seed: number;
  /** The real log that it was made of. */
  readonly log: string;
  readonly files: Files;
  /** All records that may be read of it, as JSON. */
  readonly records: ReadonlySet<string>;
  /** Those of them that counted before it was damaged; none where lines were forged. */
  readonly counted: ReadonlySet<string>;
  /** What was done to it, and the number of each mutation among the seed's. */
  readonly mutations: readonly { readonly number: number; readonly what: string }[];
}

const MOST_MUTATIONS = 5;

/** Those of a kind that comes twice are twice as likely. */
const KINDS = [
  BYTE_MUTATIONS,
  BYTE_MUTATIONS,
  LINE_MUTATIONS,
  LINE_MUTATIONS,
  FILE_MUTATIONS,
  SNAPSHOT_MUTATIONS,
];

/**
 * Damages one of the real logs. A seed in ten leaves it as it is. `kept`: only these of the seed's mutations, by number,
 * are done.
 */
export function damagedLog(logs: readonly RealLog[], seed: number, kept?: readonly number[]): DamagedLog {
  const dice = seeded(seed);
  const log = pick(dice, logs) as RealLog;
  const count = dice() < 0.1 ? 0 : 1 + below(dice, below(dice, MOST_MUTATIONS) + 1);
  const files: Files = new Map(log.files);
  const records = new Set(log.records);
  const mutations: { number: number; what: string }[] = [];
  const take = forgedInto(records);
  let isForged = false;
  const forged = (line: Buffer) => {
    isForged = true;
    take(line);
  };
  for (let number = 0; number < count; number++) {
    // Each has its own dice, so that it does the same when another is left out.
    const own = seeded(Math.floor(dice() * 2 ** 32));
    if (kept !== undefined && !kept.includes(number)) continue;
    const kind = pick(own, KINDS) as readonly Mutation[];
    const what = (pick(own, kind) as Mutation).apply({ files, dice: own, forged });
    if (what !== undefined) mutations.push({ number, what });
  }
  // A forged line may say of another that it was overtaken, also one whose records are as they were.
  const counted = isForged ? new Set<string>() : log.counted;
  return { seed, log: log.name, files, records, counted, mutations };
}
