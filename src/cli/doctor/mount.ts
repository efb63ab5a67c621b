import { readFileSync, realpathSync } from 'node:fs';

/** The mount that a path lies on, as Linux tells. */
export interface Mount {
  readonly at: string;
  /** Whether this mount was made read-only. The disk may be writable by another. */
  readonly readOnly: boolean;
  /** Whether the disk takes no writes, by whatever mount. */
  readonly diskReadOnly: boolean;
}

/** Undefined where the system does not tell. */
export function mountOf(path: string): Mount | undefined {
  try {
    const real = realpathSync(path);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').flatMap(mountIn);
    // Of mounts on one place, the last covers the others.
    return mounts
      .filter(({ at }) => `${real}/`.startsWith(at === '/' ? '/' : `${at}/`))
      .reduce<Mount | undefined>(
        (best, mount) => (mount.at.length >= (best?.at.length ?? 0) ? mount : best),
        undefined,
      );
  } catch {
    return undefined;
  }
}

/** A line of proc_pid_mountinfo(5). */
function mountIn(line: string): Mount[] {
  const [own, disk] = line.split(' - ');
  const [, , , , at, options] = own?.split(' ') ?? [];
  const diskOptions = disk?.split(' ')[2]?.split(',');
  if (at === undefined || options === undefined || diskOptions === undefined) return [];
  return [
    {
      at: at.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      readOnly: options.split(',').includes('ro'),
      diskReadOnly: diskOptions.includes('ro') || diskOptions.includes('emergency_ro'),
    },
  ];
}
