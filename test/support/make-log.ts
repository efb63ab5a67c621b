import { join } from 'node:path';
import { type Entry, Wal } from '../../src/index.ts';

/**
 * Appends entries, in their order, to the log in `.beads` of a directory, which is made where there is none: what a test of the
 * command line begins with, without a process for it.
 */
export async function makeLog(directory: string, entries: readonly Entry[] = []): Promise<void> {
  const wal = await Wal.open(join(directory, '.beads'));
  try {
    await Promise.all(entries.map((entry) => wal.append(entry)));
  } finally {
    await wal.close();
  }
}
