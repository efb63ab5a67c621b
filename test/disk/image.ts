import { createHash } from 'node:crypto';
import { Content } from './content.ts';
import type { Effect, Inode, Naming } from './effect.ts';

export const ROOT: Inode = 0;

interface Directory {
  readonly mode: number;
  readonly names: Map<string, Inode>;
}

interface File {
  readonly mode: number;
  readonly content: Content;
}

/** What a disk holds at one moment: files and directories, and the names that lead to them. */
export class Image {
  readonly directories = new Map<Inode, Directory>([[ROOT, { mode: 0o777, names: new Map() }]]);
  readonly files = new Map<Inode, File>();

  /** One that goes its own way from here. */
  copy(): Image {
    const copy = new Image();
    for (const [inode, { mode, names }] of this.directories)
      copy.directories.set(inode, { mode, names: new Map(names) });
    for (const [inode, { mode, content }] of this.files)
      copy.files.set(inode, { mode, content: new Content(content.bytes) });
    return copy;
  }

  make({ inode, directory, mode }: Extract<Effect, { kind: 'made' }>): void {
    if (directory) this.directories.set(inode, { mode, names: new Map() });
    else this.files.set(inode, { mode, content: new Content() });
  }

  write(inode: Inode, bytes: Buffer, offset: number): void {
    this.files.get(inode)?.content.write(bytes, offset);
  }

  rewrite(inode: Inode, bytes: Buffer): void {
    this.files.get(inode)?.content.replace(bytes);
  }

  name(namings: readonly Naming[]): void {
    for (const { directory, name, inode } of namings) {
      const names = this.directories.get(directory)?.names;
      if (inode === undefined) names?.delete(name);
      else names?.set(name, inode);
    }
  }

  /** Every path that leads to a file, with its bytes; and every directory, with a slash at its end. */
  *#paths(from: Inode = ROOT, path = '/'): Generator<{ readonly path: string; readonly bytes?: Buffer }> {
    for (const [name, inode] of [...(this.directories.get(from)?.names ?? [])].sort()) {
      const file = this.files.get(inode);
      if (file !== undefined) yield { path: path + name, bytes: file.content.bytes };
      else {
        yield { path: `${path}${name}/` };
        yield* this.#paths(inode, `${path}${name}/`);
      }
    }
  }

  /** The same for two that nobody could tell apart. */
  digest(): string {
    const hash = createHash('sha1');
    for (const { path, bytes } of this.#paths()) {
      hash.update(`${path}\0${bytes?.length}\0`);
      if (bytes !== undefined) hash.update(bytes);
    }
    return hash.digest('base64');
  }
}
