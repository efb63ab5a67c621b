import { Wal, type WalOptions } from '../src/index.ts';
import { subjectOf } from './subjects.ts';
import type { Task } from './work.ts';

/** Opens the log of a task in the settings of its subject. */
export function openWal(
  { directory, subject }: Pick<Task, 'directory' | 'subject'>,
  durability?: WalOptions['durability'],
): Promise<Wal> {
  const { lock = 'auto' } = subjectOf(subject);
  return Wal.open(directory, { lock, ...(durability && { durability }) });
}
