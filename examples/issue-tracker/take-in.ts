import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Table } from 'jsonl-wal';
import { beadsIssue } from './beads.ts';
import { changedAt, type IssueLine, isIssueLine, parseLine, writingsOf } from './beads-file.ts';
import { issueFrom } from './fold.ts';
import { type Issue, isGone, type Lookup } from './issues.ts';
import { Refusal } from './refusal.ts';

/** What came of the issues of a file, by their ids. */
export interface TakenIn {
  readonly taken: readonly string[];
  /** The log has them just so. */
  readonly same: readonly string[];
  /** The log has newer ones, or they were deleted since. */
  readonly older: readonly string[];
}

const AT_ONCE = 100;
const AT_ONCE_CHARACTERS = 256 * 1024;

/** Takes in what a file of beads has that is new, or newer than the log's; all of it where it is forced. */
export async function takeIn(issues: Table<Issue>, path: string, force: boolean): Promise<TakenIn> {
  const all = { taken: [] as string[], same: [] as string[], older: [] as string[] };
  for (const lines of batchesOf(linesIn(path))) {
    // Decided where it is written: somebody else may change the same issues.
    const decided = await issues.transaction((tx) => {
      const now = Date.now();
      return lines.map((line) => {
        const fate = fateOf(line, tx, now, force);
        if (fate === 'taken') tx.append({ op: 'add', id: line.id, data: line });
        return { id: line.id, fate };
      });
    });
    for (const { id, fate } of decided) all[fate].push(id);
  }
  return all;
}

function fateOf(line: IssueLine, issues: Lookup, now: number, force: boolean): keyof TakenIn {
  const issue = issues.get(line.id);
  if (issue === undefined) return 'taken';
  const as = beadsIssue(issueFrom(line.id, now, line, issue), now);
  if (issue.status !== 'deleted' && writingsOf(issue, now).some((has) => isDeepStrictEqual(has, as)))
    return 'same';
  if (force) return 'taken';
  const at = changedAt(line) ?? issue.updatedAt;
  return at > issue.updatedAt || (at === issue.updatedAt && !isGone(issue)) ? 'taken' : 'older';
}

/** The issues of a file. Throws where a line is none that could be kept: then nothing is taken in. */
function linesIn(path: string): IssueLine[] {
  return textOf(path)
    .split('\n')
    .flatMap((line, i) => {
      if (line.trim() === '') return [];
      const said = parseLine(line);
      if (said === undefined)
        throw new Refusal(
          'BAD_FILE',
          `Nothing was taken in: line ${i + 1} of ${path} is not JSON that could be kept as it is.`,
        );
      // Beads keeps other things there, too: they stay in the file.
      return isIssueLine(said) ? [said] : [];
    });
}

function textOf(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new Refusal('BAD_FILE', `Cannot read ${path}: ${(error as Error).message}.`);
  }
  if (!isUtf8(bytes)) throw new Refusal('BAD_FILE', `Nothing was taken in: ${path} is not UTF-8.`);
  return bytes.toString();
}

function* batchesOf(lines: readonly IssueLine[]): Generator<IssueLine[], void, undefined> {
  let batch: IssueLine[] = [];
  let characters = 0;
  for (const line of lines) {
    batch.push(line);
    characters += JSON.stringify(line).length;
    if (batch.length < AT_ONCE && characters < AT_ONCE_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}
