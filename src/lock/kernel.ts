import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCode, WalError } from '../errors/errors.ts';
import { readWhole } from '../storage/files.ts';
import { nodeStorage } from '../storage/node.ts';
import type { Storage } from '../storage/storage.ts';
import type { Lock } from './lock.ts';

/**
 * Locks on bytes of an open file. `tryLock` returns whether it took the lock; the bare addon throws EAGAIN
 * instead of returning false.
 */
interface NativeLocks {
  tryLock(descriptor: number, offset: number, length: number, exclusive: boolean): boolean | undefined;
  unlock(descriptor: number, offset: number, length: number): void;
}

/** A byte far beyond the end of the file's contents: on Windows a locked range cannot be read. */
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
 * The package finds its addon with a library of forty files, which costs a short process more than its
 * append. For a version whose layout is known, the addon is loaded from the place where that library would
 * find it; otherwise undefined.
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

/** Where the package is: in the nearest node_modules upwards, as `require` would find it, only faster. */
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
    'The kernel lock needs fs-native-extensions, which does not load on this machine: use the lockfile lock ("jsonl-wal lock set lockfile").',
    { cause: native },
  );
}

/**
 * A lock of the operating system on an open file: OFD on Linux, flock on macOS, LockFileEx on Windows. The
 * kernel releases it the instant its holder dies. `path` must exist; each lock has its own descriptor.
 */
export function kernelLock(storage: Storage, path: string): Lock {
  const native = requireKernelLock();
  const file = storage.open(path, 'update');
  return {
    kind: 'kernel',
    tryAcquire: () => {
      // The addon throws if the lock is taken, and building a stack trace that nobody reads costs more than
      // the try. The limit belongs to the application, so it is restored.
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
