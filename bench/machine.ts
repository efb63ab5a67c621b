import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join, sep } from 'node:path';
import { peerVersion } from './compare/peer.ts';
import { packageRoot } from './place.ts';

/** Where the figures were measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly system: string;
  readonly node: string;
  readonly fileSystem: string;
  /** Processes that wanted to run in the last minute, before the first trial: what else went on. */
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
}

const PARTS = ['fs-native-extensions', 'proper-lockfile', 'tinybench'];
const PEERS = ['better-sqlite3', 'lmdb', 'classic-level'];

export function machineOf(directory: string): Machine {
  const versions = {
    'jsonl-wal': versionIn(packageRoot),
    ...Object.fromEntries(PARTS.map((name) => [name, versionIn(join(packageRoot, 'node_modules', name))])),
    ...Object.fromEntries(PEERS.map((name) => [name, peerVersion(name) ?? 'not installed'])),
  };
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    fileSystem: fileSystemOf(directory),
    load: loadavg()[0] as number,
    versions,
  };
}

function versionIn(directory: string): string {
  try {
    return (JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return 'not installed';
  }
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
