import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** File systems that a power cut is tried on. */
export const FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs'] as const;
export type FileSystemName = (typeof FILE_SYSTEMS)[number];

const MIB = 1024 * 1024;
const OUTER_BYTES = 4096 * MIB;
/** Newer xfs tools make nothing smaller than 300 MiB. */
const DEVICE_BYTES = 512 * MIB;

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Why no power can be cut here; undefined where it can. */
export function whyNot(names: readonly FileSystemName[]): string | undefined {
  if (process.platform !== 'linux') return 'loop devices are used as Linux has them';
  if (process.getuid?.() !== 0) return 'only root may mount';
  for (const tool of ['losetup', 'mount', ...new Set(['xfs', ...names])].map((name) =>
    FILE_SYSTEMS.some((each) => each === name) ? `mkfs.${name}` : name,
  )) {
    try {
      run('sh', '-c', `command -v ${tool}`);
    } catch {
      return `${tool} is missing (Debian: apt-get install xfsprogs btrfs-progs)`;
    }
  }
  try {
    run('losetup', '--find');
  } catch (error) {
    return `there is no loop device: ${(error as Error).message.trim()}`;
  }
  return undefined;
}

/**
 * A disk with a file system of its own, as an image in an xfs that can copy a file by reference: so that its power can be
 * cut. The copy is made at one moment, while the disk is written to, and holds all that the disk had been given until then,
 * also what a real one might still have had in its cache.
 */
export class Device {
  readonly #place = mkdtempSync(join(tmpdir(), 'jsonl-wal-powercut-'));
  readonly #undo: (() => void)[] = [];
  #mounted = false;

  constructor(name: FileSystemName) {
    try {
      this.#undo.push(() => rmSync(this.#place, { recursive: true }));
      for (const directory of [this.#outer, this.directory]) mkdirSync(directory);
      const outer = join(this.#place, 'outer.img');
      makeFile(outer, OUTER_BYTES);
      run('mkfs.xfs', '-q', '-m', 'reflink=1', outer);
      run('mount', '-o', 'loop', outer, this.#outer);
      this.#undo.push(() => run('umount', this.#outer));
      makeFile(this.#image, DEVICE_BYTES);
      run(`mkfs.${name}`, '-q', this.#image);
      this.#undo.push(() => this.#unmount());
      this.#mount();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Where the disk is mounted. */
  get directory(): string {
    return join(this.#place, 'disk');
  }

  get #outer(): string {
    return join(this.#place, 'outer');
  }

  get #image(): string {
    return join(this.#outer, 'disk.img');
  }

  /** What the disk has at this moment, kept aside. */
  freeze(): void {
    run('cp', '--reflink=always', this.#image, `${this.#image}.frozen`);
  }

  /** The disk comes back as it was when it was frozen: its file system recovers. Nobody may have it open. */
  thaw(): void {
    this.#unmount();
    run('mv', `${this.#image}.frozen`, this.#image);
    this.#mount();
  }

  #mount(): void {
    run('mount', '-o', 'loop', this.#image, this.directory);
    this.#mounted = true;
  }

  #unmount(): void {
    if (this.#mounted) run('umount', this.directory);
    this.#mounted = false;
  }

  /** Unmounts and removes all. */
  close(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}

function makeFile(path: string, bytes: number): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
}
