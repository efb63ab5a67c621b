import { spawnSync } from 'node:child_process';
import { peersDirectory } from './peer.ts';

/**
 * Installs the peers into bench/compare/node_modules. better-sqlite3 wants to fetch a build of its native part; where it
 * cannot, it is built here, which takes minutes, a C++ compiler and Python.
 */
export function installPeers(): void {
  const { status, error } = spawnSync('npm', ['ci', '--foreground-scripts', '--no-audit', '--no-fund'], {
    cwd: peersDirectory,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ci in ${peersDirectory} ended with status ${status}`);
}
