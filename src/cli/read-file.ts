import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { WalError } from '../errors/errors.ts';
import { decodeMeta, type Meta } from '../format/meta.ts';
import { META_FILE } from '../format/names.ts';

/** The text of a file; undefined where there is none. A pipe or a device in its place, which may never end, is refused. */
export function textOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile())
    throw new WalError('ERR_WAL_FORMAT', `Cannot read ${path}: it is no regular file. Move it away.`);
  return readFileSync(path, 'utf8');
}

/** What wal.json says. */
export function metaOf(directory: string): Meta {
  const path = join(directory, META_FILE);
  const text = textOf(path);
  if (text === undefined) throw new WalError('ERR_WAL_NOT_FOUND', `Cannot read ${path}: it is not there.`);
  return decodeMeta(text, path);
}
