import { createReadStream, realpathSync, statSync } from 'node:fs';
import { basename, relative, sep } from 'node:path';
import { hasCode, reasonOf } from '../../errors/errors.ts';
import { canonicalOfParsed } from '../../format/canonical.ts';
import { changedNumber } from '../../format/changed-number.ts';
import type { FoldIdentity } from '../../format/fold-identity.ts';
import { BACKUPS_DIRECTORY, segmentSeq, snapshotSeq } from '../../format/names.ts';
import { printable } from '../../format/printable.ts';
import { WalError } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { usageError } from '../failure.ts';
import { linesOf, parseLoosely } from '../input.ts';
import { count } from '../words.ts';
import type { Destination } from '../write-file.ts';
import { type ExportedLine, type History, lackOf } from './export.ts';
import { type BeadsLine, beadsLine, inMilliseconds, inNanoseconds, textOf } from './line.ts';

/** What a file holds, and would not hold any more once an export took its place. */
interface Loss {
  readonly line: number;
  /** The issue, or what else the line is about; undefined where the line cannot be read. */
  readonly id: string | undefined;
  readonly why: string;
  /** What keeps it. */
  readonly remedy: 'import' | 'append' | 'edit';
  /** The id whose deletion would explain it, if that was compacted away. */
  readonly forgotten?: string;
}

/** What writing `lines` over a file would lose. */
export async function lossesOf(
  path: string,
  lines: ReadonlyMap<string, ExportedLine>,
  history: () => Promise<History>,
): Promise<Loss[]> {
  const losses: Loss[] = [];
  for await (const each of linesOf(bytesOf(path))) {
    const line = { line: each.number };
    let there: BeadsLine;
    try {
      there = beadsLine(parseLoosely(each));
    } catch (error) {
      losses.push({ ...line, id: undefined, why: (error as Error).message, remedy: 'edit' });
      continue;
    }
    const isExact = changedNumber(each.text) === undefined;
    const loss = await lossOf(there, isExact, lines.get(there.about), history);
    if (loss !== undefined) losses.push({ ...line, id: there.about, ...loss });
  }
  return losses;
}

async function* bytesOf(path: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* createReadStream(path);
  } catch (cause) {
    const code = hasCode(cause, 'EACCES', 'EPERM') ? 'ERR_WAL_PERMISSION' : 'ERR_WAL_IO';
    const message = `${path} was not written over, for what it holds cannot be read: ${reasonOf(cause)}. Make it readable, or lose what it holds with --force.`;
    throw new WalError(code, message, { outcome: 'not-written', cause });
  }
}

/** `isExact`: whether each number of the line is what it was parsed to. */
async function lossOf(
  line: BeadsLine,
  isExact: boolean,
  written: ExportedLine | undefined,
  history: () => Promise<History>,
): Promise<Omit<Loss, 'line' | 'id'> | undefined> {
  const { about, at = 0n, kind, fields } = line;
  const imported = (why: string) => ({ why, remedy: 'import' }) as const;
  if (written === undefined) {
    const entries = await history();
    const deleted = entries.deleted(about);
    if (deleted !== undefined)
      return at > inNanoseconds(deleted) ? imported('is newer than its deletion in the log') : undefined;
    if (entries.from === 1) return imported('is not in what the log exports');
    const why = `is not in what the log exports, and no entry from ${entries.from} on deletes it (those before were compacted away)`;
    return { ...imported(why), forgotten: about };
  }
  const { item, lacks } = written;
  if (at > written.at) return imported(`is newer than in the log (entry ${item.rev})`);
  if (lacks !== undefined && kind === 'issue' && lackOf(fields) === undefined)
    return { why: `is a whole issue, which in the log ${lacks} (entry ${item.rev})`, remedy: 'append' };
  if (isUndecided(line, isExact, written))
    return imported(`differs from the log (entry ${item.rev}), and neither says that it is newer`);
  return undefined;
}

/** Whether a line says something else than the log, which was not written later: somebody edited the file. */
function isUndecided(
  { at, fields, kind }: BeadsLine,
  isExact: boolean,
  { item, at: writtenAt, text }: ExportedLine,
): boolean {
  // beads makes the header for each file.
  if (kind === 'other' && fields._schema !== undefined) return false;
  const isOfOneAge = at === undefined || (at === writtenAt && item.ts <= inMilliseconds(at));
  return isOfOneAge && !(isExact && textOf(fields, canonicalOfParsed) === text);
}

const MOST_NAMED = 5;

/** Throws where there are losses. */
export function refuseLosses(file: string, losses: readonly Loss[]): void {
  if (losses.length === 0) return;
  const named = losses
    .slice(0, MOST_NAMED)
    .map(({ line, id, why }) => `line ${line}${id === undefined ? '' : ` (${id})`} ${why}`);
  if (losses.length > MOST_NAMED) named.push(`and ${losses.length - MOST_NAMED} more (--json lists them)`);
  const what = `${count(losses.length, 'line')} of it would be lost`;
  const message = `${file} was not written over, for ${what}: ${named.join('; ')}. ${remediesText(file, losses)}, or lose them with --force.${forgottenText(losses)}`;
  throw Object.assign(new WalError('ERR_WAL_EXISTS', message, { outcome: 'not-written' }), { losses });
}

/** What to do first, so that nothing is lost. */
function remediesText(file: string, losses: readonly Loss[]): string {
  const { id } = losses.find(({ remedy }) => remedy === 'append') ?? {};
  const texts = {
    import: `import it ("jsonl-wal import --from beads ${shellWord(file)}")`,
    append: `append the whole issue ("jsonl-wal append --op update --id ${shellWord(id ?? '')} --data @FILE")`,
    edit: 'fix the lines that cannot be read, or move them elsewhere',
  };
  const wanted = (['edit', 'append', 'import'] as const).filter((kind) =>
    losses.some(({ remedy }) => remedy === kind),
  );
  return `First ${wanted.map((kind) => texts[kind]).join('; ')}`;
}

/** What to do where an id may have been deleted: an import would bring it back. */
function forgottenText(losses: readonly Loss[]): string {
  const { forgotten } = losses.find((loss) => loss.forgotten !== undefined) ?? {};
  return forgotten === undefined
    ? ''
    : ` If ${forgotten} was deleted on purpose, append the deletion again: "jsonl-wal append --op delete --id ${shellWord(forgotten)}".`;
}

/** Throws where the log's state is made by another fold: its issues are not what `used` makes of the entries. */
export function refuseOtherFold(file: string, recorded: FoldIdentity | undefined, used: FoldIdentity): void {
  if (recorded === undefined || recorded.name === used.name) return;
  const [own, other] = [recorded.name, used.name].map((name) => printable(JSON.stringify(name)));
  const message = `${file} was not written over: this log's state is made by the fold ${own}, and the fold ${other} makes other issues of it. Name the log's fold (--fold ./module.js), or write over the file with --force.`;
  throw new WalError('ERR_WAL_FOLD', message, { outcome: 'not-written' });
}

/** Throws where somebody wrote to the file since it was looked at. */
export function refuseChanged({ name, path, there }: Destination): void {
  const now = statSync(path, { throwIfNoEntry: false });
  const isSame = (['ino', 'size', 'mtimeMs'] as const).every((fact) => now?.[fact] === there?.[fact]);
  if (isSame) return;
  throw new WalError(
    'ERR_WAL_EXISTS',
    `${name} was not written over: it was changed meanwhile. Export again.`,
    { outcome: 'not-written' },
  );
}

/** Throws where it is a disk, or a part of one: whatever lies there would be lost. */
export function refuseDisk({ name, there }: Destination): void {
  if (!there?.isBlockDevice()) return;
  const message = `${name} was not written over: it is a disk, and its content would be lost. Name a file, or lose that with --force.`;
  throw new WalError('ERR_WAL_EXISTS', message, { outcome: 'not-written' });
}

/** Throws where the file is one of the log's own. */
export function refuseLogFiles({ name, path }: Destination, directory: string): void {
  const inside = relative(realpathSync(directory), path);
  const file = basename(path);
  const isOwn =
    inside.startsWith(`${BACKUPS_DIRECTORY}${sep}`) ||
    (inside === file &&
      (file.startsWith('wal.') || segmentSeq(file) !== undefined || snapshotSeq(file) !== undefined));
  if (isOwn) throw usageError(`${name} is a file of the log itself: name another.`);
}
