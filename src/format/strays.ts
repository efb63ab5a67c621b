import { META_FILE, segmentSeq, snapshotSeq } from './names.ts';

/**
 * What a file beside a log's own is, by its name. placeholder: a sync service keeps the file elsewhere. conflict: a sync tool's copy
 * of what two machines wrote. rotated: what logrotate, or a compression, makes. copy: any other copy.
 */
export type StrayKind = 'placeholder' | 'conflict' | 'rotated' | 'copy';

/** A file that bears the name of one of the log's, changed: it is no part of the log. */
export interface Stray {
  readonly name: string;
  readonly kind: StrayKind;
}

const PLACEHOLDER = /^\.(.+)\.icloud$/;
const ROTATED = /\.jsonl[.-][0-9]+|\.(gz|bz2|xz|zst)$/i;
/** Holds the number of a segment or snapshot, or is called as wal.json is. */
const LIKE_OURS = /[0-9]{20}|^\.?wal\b.*json/;

/** Those of a directory's files that are no part of the log but bear a name of its files, changed. */
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

/** The name of the log's file that a placeholder stands for; undefined where it is none. */
function placeholderOf(name: string): string | undefined {
  const of = PLACEHOLDER.exec(name)?.[1];
  return of !== undefined && isOfLog(of) ? of : undefined;
}

/** The first of the log's files of which a placeholder alone is there. */
export function evictedAmong(names: readonly string[]): string | undefined {
  return names.map(placeholderOf).find((of) => of !== undefined && !names.includes(of));
}
