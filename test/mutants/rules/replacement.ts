import type { Mutant } from '../mutant.ts';

/** A checkout, merge or restore under an open Wal. */
export const REPLACEMENT: readonly Mutant[] = [
  {
    name: 'no-look-after-sync',
    rule: 'after the sync the path is looked at once more, before the acknowledgement',
    told: 'FORMAT: What a writer must do',
    edits: [
      { file: 'log/landed', find: 'await store.catchUp(tail);', replace: '' },
      { file: 'log/landed', find: 'store.catchUpNow(tail);', replace: '' },
    ],
    caughtBy: { by: 'crash', workload: 'replaced' },
  },
  {
    name: 'inode-not-compared',
    rule: 'a file that another took the place of is noticed',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'file/segments',
        find: 'now !== undefined && now.inode === inode && now.device === device',
        replace: 'now !== undefined',
      },
    ],
    caughtBy: { by: 'crash', workload: 'replaced' },
  },
  {
    name: 'rewrite-in-place-unseen',
    rule: 'a file that was rewritten in place is noticed by the crc of its last line',
    told: 'DURABILITY: What this rests on',
    edits: [{ file: 'file/segments', find: 'return count >= CRC_END && ', replace: 'return true || ' }],
    caughtBy: { by: 'crash', workload: 'rewritten' },
  },
  {
    name: 'synced-of-another-file',
    rule: 'what was synced in a file that was replaced is not claimed of the next',
    told: 'FORMAT: Lines',
    edits: [
      {
        file: 'log/tail',
        find: 'this.#synced = 0;\n        this.#syncedHere = 0;\n        this.#observer',
        replace: 'this.#observer',
      },
    ],
    caughtBy: { by: 'crash', workload: 'replaced' },
  },
];
