import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { sep } from 'node:path';

/** Where something was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly system: string;
  readonly node: string;
  /** Type of the file system, such as ext4. */
  readonly fileSystem: string;
}

/** This machine, and the file system that `directory` is on. */
export function machineOf(directory: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    fileSystem: fileSystemOf(directory),
  };
}

/** The type of the file system a directory is on, where the system lists its mounts as text. */
function fileSystemOf(directory: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [device: string, point: string, type: string])
      .filter(([, point]) => `${directory}${sep}`.startsWith(point.endsWith(sep) ? point : `${point}${sep}`))
      .sort(([, a], [, b]) => a.length - b.length);
    return mounts.at(-1)?.[2] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
