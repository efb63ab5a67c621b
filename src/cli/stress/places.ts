import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hasCode, reasonOf, WalError } from '../../errors/errors.ts';
import { makeDirectory } from '../../lab/make-directory.ts';
import type { PlannedRun } from './plan.ts';

/** Where runs leave their files: in directories that are removed, unless they are kept. */
export class Places {
  readonly #debug: string | true | undefined;
  #base: string | undefined;
  /** Those that are in use. */
  readonly #open = new Set<string>();

  /** `debug`: keep all, in that directory or (true) in a temporary one. */
  constructor(debug: string | true | undefined) {
    this.#debug = debug;
  }

  /** What all of them are in. */
  get root(): string {
    return typeof this.#debug === 'string' ? resolve(this.#debug) : tmpdir();
  }

  get keepsAll(): boolean {
    return this.#debug !== undefined;
  }

  /** A new directory for a run. */
  make({ scenario, settings }: PlannedRun): string {
    if (this.#debug !== undefined) {
      this.#base ??= this.#debug === true ? makeTemporary() : makeNamed(this.root);
      return join(this.#base, `${scenario.name}-${settings.seed}`);
    }
    const directory = makeTemporary();
    this.#open.add(directory);
    return directory;
  }

  /** The run is over. */
  leave(directory: string, keep: boolean): void {
    if (this.#open.delete(directory) && !keep) remove(directory);
  }

  /** Removes what is in use. */
  abandon(): void {
    for (const directory of this.#open) this.leave(directory, false);
  }
}

function remove(directory: string): void {
  // Who was killed just now may still be at its last write.
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

function makeTemporary(): string {
  return made(tmpdir(), () => mkdtempSync(join(tmpdir(), 'jsonl-wal-stress-')));
}

function makeNamed(directory: string): string {
  return made(directory, () => {
    makeDirectory(directory);
    return directory;
  });
}

function made(place: string, make: () => string): string {
  try {
    return make();
  } catch (error) {
    const code = hasCode(error, 'EACCES', 'EPERM', 'EROFS')
      ? 'ERR_WAL_PERMISSION'
      : hasCode(error, 'ENOSPC', 'EDQUOT')
        ? 'ERR_WAL_NO_SPACE'
        : 'ERR_WAL_IO';
    const advice = 'Name another place with --debug DIR, or in TMPDIR.';
    throw new WalError(code, `Cannot make a directory in ${place}: ${reasonOf(error)} ${advice}`, {
      cause: error,
    });
  }
}
