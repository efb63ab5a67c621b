import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { type Machine, machineOf } from '../src/lab/machine.ts';
import { peerVersion } from './compare/peer.ts';
import { packageRoot } from './place.ts';

/** Where, and with what, the figures were measured. */
export interface Bench extends Machine {
  /** Processes that wanted to run in the last minute, before the first trial: what else went on. */
  readonly load: number;
  readonly versions: Readonly<Record<string, string>>;
}

const PARTS = ['fs-native-extensions', 'proper-lockfile', 'tinybench'];
const PEERS = ['better-sqlite3', 'lmdb', 'classic-level'];

export function benchOf(directory: string): Bench {
  const versions = {
    'jsonl-wal': versionIn(packageRoot),
    ...Object.fromEntries(PARTS.map((name) => [name, versionIn(join(packageRoot, 'node_modules', name))])),
    ...Object.fromEntries(PEERS.map((name) => [name, peerVersion(name) ?? 'not installed'])),
  };
  return { ...machineOf(directory), load: loadavg()[0] as number, versions };
}

function versionIn(directory: string): string {
  try {
    return (JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return 'not installed';
  }
}
