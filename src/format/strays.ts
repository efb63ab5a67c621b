import { META_FILE, segmentSeq, snapshotSeq } from './names.ts';

/**
 * What kind of file it is, by its name. placeholder: a sync service keeps the file elsewhere. conflict: a sync tool's
 * copy of what two machines wrote. rotated: made by logrotate or a compression tool. copy: any other copy.
 */
export type StrayKind = 'placeholder' | 'conflict' | 'rotated' | 'copy';

/** A file whose name is a changed name of one of the log's files: it is not part of the log. */
export interface Stray {
  readonly name: string;
  readonly kind: StrayKind;
}

const PLACEHOLDER = /^\.(.+)\.icloud$/;
const ROTATED = /\.jsonl[.-][0-9]+|\.(gz|bz2|xz|zst)$/i;
/** Matches names with the number of a segment or snapshot, and names like wal.json. */
const LIKE_OURS = /[0-9]{20}|^\.?wal\b.*json/;

/** The files of a directory that are not part of the log but have a changed name of one of its files. */
export function straysAmong(names: readonly string[]): Stray[] {
  return names.flatMap((name) => {
    if (isOfLog(name) || name.endsWith('.tmp') || !LIKE_OURS.test(name)) return [];
    return [{ name, kind: kindOf(name, names) }];
  });
}

function kindOf(name: string, names: readonly string[]): StrayKind {
  const of = placeholderOf(name);
  if (of !== undefined) return names.includes(of) ? 'copy' : 'placeholder';
  if (/conflict/i.test(name)) return 'conflict';
  return ROTATED.test(name) ? 'rotated' : 'copy';
}

function isOfLog(name: string): boolean {
  return name === META_FILE || segmentSeq(name) !== undefined || snapshotSeq(name) !== undefined;
}

/** The name of the log's file that a placeholder replaces; undefined if the file is not a placeholder. */
function placeholderOf(name: string): string | undefined {
  const of = PLACEHOLDER.exec(name)?.[1];
  return of !== undefined && isOfLog(of) ? of : undefined;
}

/** The first of the log's files that is missing while its placeholder is there. */
export function evictedAmong(names: readonly string[]): string | undefined {
  return names.map(placeholderOf).find((of) => of !== undefined && !names.includes(of));
}
