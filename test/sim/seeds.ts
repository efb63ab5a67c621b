/** A world in which the log once failed, and what was wrong with it. */
export interface NamedSeed {
  readonly seed: number;
  readonly steps: number;
  /** What went wrong, and what has been done about it. */
  readonly story: string;
}

const STEPS = 400;

/** Each of them fails again where what is told in its story is undone. */
export const SEEDS: readonly NamedSeed[] = [
  {
    seed: 5,
    steps: STEPS,
    story:
      'a disk gave a part of a read, and a whole snapshot was taken for a damaged one; now it is read on',
  },
  {
    seed: 6,
    steps: STEPS,
    story: 'verify ended in ERR_WAL_COMPACTED where a compaction came between; now it begins again',
  },
  {
    seed: 8,
    steps: STEPS,
    story:
      "a crash lost a segment's name, and kept the next one's; now it is synced before an acknowledgement",
  },
  {
    seed: 11,
    steps: STEPS,
    story:
      "another's line on its way was read as zeros, and a line after it taken for landed; now it is read again",
  },
  {
    seed: 18,
    steps: STEPS,
    story:
      'a disk gave a part of the line read last, and the log was taken for replaced; now the rest is read',
  },
  {
    seed: 24,
    steps: STEPS,
    story:
      "a sync failed of a segment that another had not open, and that one's acknowledgement was lost in a crash; now the marker of the failure is heeded there",
  },
  {
    seed: 28,
    steps: STEPS,
    story:
      'keys were looked for in a snapshot that a compaction took away; now they are looked for in the next',
  },
  {
    seed: 3488111903,
    steps: 400,
    story:
      'a read that the disk gave in parts went on behind zeros of a line on its way: the lines after it were passed over, and a seal was written that only its writer took for one',
  },
  {
    seed: 2571920973,
    steps: 400,
    story:
      'a wait for the lock ran out, wal.lock could not be read to name who held it, and a compaction was rejected with what the disk said, without a code of its own; now nobody is named',
  },
  {
    seed: 3507602566,
    steps: 400,
    story:
      'a sync failed while the log was made, and the simulation took it for a fault that a salvage found no log; now that is expected until the log was opened once',
  },
  {
    seed: 2510016777,
    steps: 400,
    story:
      'a compaction named its snapshot while a tail repair looked at the log, which then called it whole though entries could not be read any more; now it looks again',
  },
];
