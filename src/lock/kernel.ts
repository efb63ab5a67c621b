import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { Lock } from './lock.ts';

interface NativeLocks {
  tryLock(descriptor: number, offset: number, length: number): boolean;
  unlock(descriptor: number, offset: number, length: number): void;
}

/** One byte far behind what the file holds: on Windows a locked range cannot be read. */
const LOCKED_BYTE = 2 ** 20;

let loaded: NativeLocks | Error | undefined;

function load(): NativeLocks | Error {
  if (loaded === undefined) {
    try {
      const require = createRequire(import.meta.url);
      loaded = loadDirectly(require) ?? (require('fs-native-extensions') as NativeLocks);
    } catch (error) {
      loaded = error as Error;
    }
  }
  return loaded;
}

/** What the package's addon has under the names of its functions. */
interface NativeAddon {
  /** Throws EAGAIN where another has the lock. */
  tryLock(descriptor: number, offset: number, length: number, exclusive: boolean): void;
  unlock(descriptor: number, offset: number, length: number): void;
}

/**
 * The package resolves its addon with a library of forty files, which costs a short process more than its append does.
 * Where the version is one whose inside is known, the addon is taken from where that would find it; else undefined.
 */
function loadDirectly(require: NodeJS.Require): NativeLocks | undefined {
  try {
    const manifest = require.resolve('fs-native-extensions/package.json');
    if (!require(manifest).version.startsWith('1.5.')) return undefined;
    const { platform, arch } = process;
    const path = join(dirname(manifest), 'prebuilds', `${platform}-${arch}`, 'fs-native-extensions.node');
    const addon = require(path) as NativeAddon;
    return {
      tryLock(descriptor, offset, length) {
        try {
          addon.tryLock(descriptor, offset, length, true);
          return true;
        } catch (error) {
          if (hasCode(error, 'EAGAIN')) return false;
          throw error;
        }
      },
      unlock: (descriptor, offset, length) => addon.unlock(descriptor, offset, length),
    };
  } catch {
    return undefined;
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
    tryAcquire: () => native.tryLock(file.descriptor, LOCKED_BYTE, 1),
    release: () => native.unlock(file.descriptor, LOCKED_BYTE, 1),
    close: () => file.close(),
  };
}
