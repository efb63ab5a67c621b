import { type Stats, statSync } from 'node:fs';
import { shellWord } from '../../lab/shell-word.ts';

/** Who appends to a log: those who may make files in its directory. */
export type Sharing = 'owner' | 'group' | 'all';

export function sharingOf({ mode }: Pick<Stats, 'mode'>): Sharing {
  if ((mode & 0o002) !== 0) return 'all';
  return (mode & 0o020) !== 0 ? 'group' : 'owner';
}

/** Whether all who append may do with a file what `bits` say: 4 to read, 6 to write, too. */
export function isOpenToAll(file: Stats, directory: Stats, bits: 4 | 6): boolean {
  const has = (given: number) => (given & bits) === bits;
  const sharing = sharingOf(directory);
  if (sharing === 'owner') return file.uid === directory.uid;
  if (sharing === 'all') return has(file.mode);
  return (file.gid === directory.gid && has(file.mode >> 3)) || has(file.mode);
}

/** The command that lets all who append at every file, and as whom. */
export function opening(directory: string): string {
  const whole = shellWord(directory);
  const sharing = sharingOf(statSync(directory));
  if (sharing === 'owner') return `chown -R --reference=${whole} ${whole}, as root`;
  if (sharing === 'all') return `chmod -R a+rwX ${whole}, as root`;
  return `chgrp -R --reference=${whole} ${whole}; chmod -R g+rwX ${whole}, as root`;
}
