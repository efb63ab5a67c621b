import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCode, WalError } from '../errors/errors.ts';
import { readWhole } from '../storage/files.ts';
import { nodeStorage } from '../storage/node.ts';
import type { Storage } from '../storage/storage.ts';
import type { Lock } from './lock.ts';

/** What locks bytes of an open file. `tryLock` says whether it did; the package's addon itself throws EAGAIN where another has the lock. */
interface NativeLocks {
  tryLock(descriptor: number, offset: number, length: number, exclusive: boolean): boolean | undefined;
  unlock(descriptor: number, offset: number, length: number): void;
}

/** One byte far behind what the file holds: on Windows a locked range cannot be read. */
const LOCKED_BYTE = 2 ** 20;

const MOST_MANIFEST_BYTES = 64 * 1024;

let loaded: NativeLocks | Error | undefined;

function load(): NativeLocks | Error {
  if (loaded === undefined) {
    try {
      loaded = loadDirectly() ?? (createRequire(import.meta.url)('fs-native-extensions') as NativeLocks);
    } catch (error) {
      loaded = error as Error;
    }
  }
  return loaded;
}

/**
 * The package resolves its addon with a library of forty files, which costs a short process more than its append does.
 * Where the version is one whose inside is known, the addon is taken from where that would find it; else undefined.
 */
function loadDirectly(): NativeLocks | undefined {
  try {
    const { place, version } = installed();
    if (!version.startsWith('1.5.')) return undefined;
    const { platform, arch } = process;
    const addon = { exports: {} };
    process.dlopen(addon, join(place, 'prebuilds', `${platform}-${arch}`, 'fs-native-extensions.node'));
    return addon.exports as NativeLocks;
  } catch {
    return undefined;
  }
}

/** Where the package lies: in the next node_modules upwards, as for `require`, which takes longer to find that. */
function installed(): { readonly place: string; readonly version: string } {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const place = join(at, 'node_modules', 'fs-native-extensions');
    const manifest = readWhole(nodeStorage, join(place, 'package.json'), MOST_MANIFEST_BYTES);
    if (manifest !== undefined) return { place, version: JSON.parse(manifest.toString()).version };
    if (at === dirname(at)) throw new Error('fs-native-extensions is not installed');
  }
}

/** Whether fs-native-extensions, an optional dependency, has a build for this machine. */
export function kernelLockLoads(): boolean {
  return !(load() instanceof Error);
}

/** Throws ERR_WAL_LOCK_UNAVAILABLE where the kernel lock does not load. */
export function requireKernelLock(): NativeLocks {
  const native = load();
  if (!(native instanceof Error)) return native;
  throw new WalError(
    'ERR_WAL_LOCK_UNAVAILABLE',
    'The kernel lock needs fs-native-extensions, which has no build that loads here: use the lockfile lock ("jsonl-wal lock set lockfile").',
    { cause: native },
  );
}

/**
 * A lock of the operating system on an open file: OFD on Linux, flock on macOS, LockFileEx on Windows. The kernel
 * releases it the instant its holder dies. `path` must exist; each lock has a descriptor of its own.
 */
export function kernelLock(storage: Storage, path: string): Lock {
  const native = requireKernelLock();
  const file = storage.open(path, 'update');
  return {
    kind: 'kernel',
    tryAcquire: () => {
      // A busy lock is an error of the addon's: its stack, which nobody reads, would cost more than the try. The limit is the user's.
      const limit = Error.stackTraceLimit;
      if (limit > 0) Reflect.set(Error, 'stackTraceLimit', 0);
      try {
        return native.tryLock(file.descriptor, LOCKED_BYTE, 1, true) !== false;
      } catch (error) {
        if (hasCode(error, 'EAGAIN')) return false;
        throw error;
      } finally {
        if (limit > 0) Reflect.set(Error, 'stackTraceLimit', limit);
      }
    },
    release: () => native.unlock(file.descriptor, LOCKED_BYTE, 1),
    close: () => file.close(),
  };
}
