import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_KEY_WINDOW, scopeAtStart } from '../../src/format/key-scope.ts';
import { segmentSeq, snapshotName } from '../../src/format/names.ts';
import { encodeHeader, type SnapshotHeader } from '../../src/format/snapshot.ts';
import { SnapshotBodyMaker } from '../../src/format/snapshot-body.ts';
import { type Fold, Wal } from '../../src/index.ts';
import { State } from '../../src/table/state.ts';

/** The segments of a log, by their first seqs. */
export function segmentsOf(directory: string): { readonly name: string; readonly firstSeq: number }[] {
  return readdirSync(directory)
    .map((name) => ({ name, firstSeq: segmentSeq(name) ?? 0 }))
    .filter(({ firstSeq }) => firstSeq > 0)
    .sort((a, b) => a.firstSeq - b.firstSeq);
}

/**
 * Makes a snapshot of all that lies before a segment (default: the last), by hand, as a compaction would. `trim`: also
 * deletes what it stands for. `crc`: of the entry and the seal that it names, in place of the right ones. Answers its path.
 */
export async function makeSnapshot(
  directory: string,
  fold: Fold<unknown>,
  {
    before = segmentsOf(directory).at(-1)?.firstSeq as number,
    trim = false,
    crc = undefined as string | undefined,
  } = {},
): Promise<string> {
  const state = new State(fold);
  const wal = await Wal.open(directory, { readOnly: true });
  let last = '';
  for await (const record of wal.read({ to: before - 1 })) {
    state.applyLine([record]);
    last = record.crc;
  }
  await wal.close();
  const segments = segmentsOf(directory);
  const next = segments.find(({ firstSeq }) => firstSeq === before);
  const first = readFileSync(join(directory, next?.name as string), 'utf8').split('\n')[0] as string;
  const maker = new SnapshotBodyMaker();
  for (const { id, line } of state.lines()) maker.addItem(id, line);
  for (const placed of state.ordered()) maker.addPlaced(placed);
  const body = maker.end(fold.order !== undefined);
  const meta = JSON.parse(readFileSync(join(directory, 'wal.json'), 'utf8')) as { id: string };
  const header: SnapshotHeader = {
    log: meta.id,
    created: 0,
    head: { seq: before - 1, crc: crc ?? last },
    latest: state.latest,
    seal: crc ?? (JSON.parse(first) as { prev: string }).prev,
    fold: { name: fold.name, version: fold.version },
    keys: scopeAtStart(DEFAULT_KEY_WINDOW),
    body,
  };
  const path = join(directory, snapshotName(before - 1));
  writeFileSync(path, Buffer.concat([Buffer.from(encodeHeader(header)), ...maker.pieces]));
  for (const { name, firstSeq } of segments) if (trim && firstSeq < before) rmSync(join(directory, name));
  return path;
}
