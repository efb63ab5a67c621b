import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const DESCRIPTORS = '/proc/self/fd';

/** The files in a directory that this process has open, by their names there; none where the system cannot tell. */
export function openFilesIn(directory: string): string[] {
  const real = realpathSync(directory);
  return descriptors()
    .filter((path) => path.startsWith(real + sep))
    .map((path) => relative(real, path));
}

/** How many descriptors this process has open; 0 where the system cannot tell. */
export function openDescriptors(): number {
  return descriptors().length;
}

function descriptors(): string[] {
  try {
    return readdirSync(DESCRIPTORS).flatMap((name) => pathOf(join(DESCRIPTORS, name)));
  } catch {
    return [];
  }
}

/** The descriptor with which they are listed is closed by the time it is asked for. */
function pathOf(descriptor: string): string[] {
  try {
    return [readlinkSync(descriptor)];
  } catch {
    return [];
  }
}
