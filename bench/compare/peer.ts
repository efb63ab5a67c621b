import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from '../place.ts';

/** Where the peers' own package.json is, in the source tree also when this runs compiled. */
export const peersDirectory = join(packageRoot, 'bench', 'compare');

const requirePeer = createRequire(join(peersDirectory, 'package.json'));

/** A peer's module. Its types are not installed with this package: each peer's file says what it uses. */
export function loadPeer<T>(name: string): T {
  return requirePeer(name) as T;
}

/** Why a peer does not load here. */
export function missingPeer(name: string): string | undefined {
  try {
    const use = requirePeer(name);
    // better-sqlite3 loads its native part only when a database is opened.
    if (name === 'better-sqlite3') new use(':memory:').close();
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND') return 'not installed: npm run bench -- --install-peers';
    // Its message is a paragraph; as a rule the native part was built for another Node.
    if (code === 'ERR_DLOPEN_FAILED') return 'not built for this Node: npm run bench -- --install-peers';
    return `does not load: ${message.split('\n')[0]}`;
  }
}

/** The installed version of a peer. */
export function peerVersion(name: string): string | undefined {
  try {
    const path = join(peersDirectory, 'node_modules', name, 'package.json');
    return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
}
