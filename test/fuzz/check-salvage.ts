import type { WalError } from '../../src/errors/errors.ts';
import { openFileStore } from '../../src/file/open.ts';
import { segmentSeq, snapshotSeq } from '../../src/format/names.ts';
import { piecesIn } from '../../src/format/shared-line.ts';
import { type LogRecord, type LostRange, type VerifyReport, Wal } from '../../src/index.ts';
import { realEnvironment } from '../../src/setup/environment.ts';
import { resolveOptions } from '../../src/setup/options.ts';
import type { Salvaged } from '../../src/store/store.ts';
import type { DamagedLog } from './damaged-log.ts';
import type { Findings } from './findings.ts';
import { recordTexts } from './lines.ts';

/**
 * Holds what verify says, what is read past damage, and what a salvage would do against each other, and against the lines that
 * lie there: whatever counted before, and has a whole line still, must be among what is kept.
 */
export async function checkSalvage(
  log: DamagedLog,
  wal: Wal,
  directory: string,
  findings: Findings,
  report: VerifyReport | undefined,
): Promise<void> {
  const plan = await findings.attempt('plan a salvage', () =>
    Wal.repair(directory, { mode: 'salvage', dryRun: true }),
  );
  const kept: LogRecord[] = [];
  const skipped: LostRange[] = [];
  let error: WalError | undefined;
  await findings.attempt('read past damage', async () => {
    try {
      const onSkip = (range: LostRange) => skipped.push(range);
      for await (const record of wal.read({ onDamage: 'skip', onSkip })) kept.push(record);
    } catch (failure) {
      error = failure as WalError;
      throw failure;
    }
  });
  if (plan === undefined || error !== undefined) return;
  const isWhole = plan.reasons.length === 0;
  if (report !== undefined && report.ok !== isWhole)
    findings.fault(
      `verify says ${report.error ?? 'ok'}, and a salvage ${isWhole ? 'nothing' : plan.reasons}`,
    );
  if (isWhole && plan.recovered + plan.lost.length > 0)
    findings.fault(`a salvage would do nothing, and bring back ${plan.recovered}`);
  if (JSON.stringify(skipped) !== JSON.stringify(plan.lost))
    findings.fault(
      `read past damage skips ${JSON.stringify(skipped)}, a salvage loses ${JSON.stringify(plan.lost)}`,
    );
  if (!isWhole && kept.length !== plan.entries)
    findings.fault(`read past damage gives ${kept.length} records, a salvage would keep ${plan.entries}`);
  const made = await makeWhole(directory, findings);
  if (made === undefined) return;
  if (isWhole) checkWhole(made, kept, report?.pending, findings);
  checkReadable(log, made.lines, findings);
}

type SalvagedLine = Extract<Salvaged, { kind: 'line' }>;

interface Made {
  readonly lines: readonly SalvagedLine[];
  readonly lost: readonly LostRange[];
}

/** What a salvage makes of the log where it is run all the same, though nothing may be damaged. */
async function makeWhole(directory: string, findings: Findings): Promise<Made | undefined> {
  return findings.attempt('make a salvage', async () => {
    const settings = resolveOptions({ readOnly: true });
    const store = await openFileStore({
      ...realEnvironment,
      ...settings,
      directory,
      observe: {},
      warn: () => {},
    });
    try {
      const lines: SalvagedLine[] = [];
      const lost: LostRange[] = [];
      for await (const each of store.files.salvaged(undefined))
        if (each.kind === 'lost') lost.push(each.range);
        else lines.push(each);
      return { lines, lost };
    } finally {
      await store.close();
    }
  });
}

/** Of a log that verify calls whole, a salvage would bring nothing back but what a crash leaves, and miss nothing. */
function checkWhole(
  { lines, lost }: Made,
  read: readonly LogRecord[],
  pending: number | undefined,
  findings: Findings,
): void {
  const writers = new Set(read.map(({ writer }) => writer));
  for (const { line, seq } of lines) {
    const isPending = line.accepted && seq + line.count - 1 === pending;
    if (!writers.has(line.writer) && !line.glued && !isPending)
      findings.fault(
        `verify says ok, and entry ${seq} in ${line.segment}, byte ${line.offset}, does not count`,
      );
  }
  if (lost.length > 0) findings.fault(`verify says ok, and a salvage loses ${JSON.stringify(lost)}`);
}

/** A record that counted, and has a whole line anywhere, is there; its append may be there in another line. */
function checkReadable(log: DamagedLog, kept: readonly SalvagedLine[], findings: Findings): void {
  const writers = new Set(kept.map(({ line }) => line.writer));
  // Of two that follow the same line the first counts: nothing tells whether they changed places.
  const places = new Set(kept.map(({ line: { seq, prev } }) => `${seq} ${prev}`));
  const snapshot = Math.max(0, ...[...log.files.keys()].map((name) => snapshotSeq(name) ?? 0));
  for (const [name, content] of log.files) {
    if (segmentSeq(name) === undefined || !(content instanceof Buffer)) continue;
    for (const { line, at, length } of piecesIn(content)) {
      const { seq, prev, writer } = line;
      if (seq <= snapshot || writers.has(writer) || places.has(`${seq} ${prev}`)) continue;
      const text = Buffer.concat([content.subarray(at, at + length), Buffer.from('\n')]);
      if (recordTexts(text).some((each) => log.counted.has(each)))
        findings.fault(`entry ${seq} counted, has a whole line in ${name}, and is left out`);
    }
  }
}
