import type { WalError } from '../../errors/errors.ts';
import { cutLines } from '../../format/cut-lines.ts';
import { readEnvelope } from '../../format/line.ts';
import { type LogRecord, type LostRange, type VerifyReport, Wal } from '../../index.ts';
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
  checkReadable(log, kept, findings);
}

/** A record that counted, and has a whole line, is there; its append may be there in another line. */
function checkReadable(log: DamagedLog, kept: readonly LogRecord[], findings: Findings): void {
  const writers = new Set(kept.map(({ writer }) => writer));
  const snapshot = Math.max(
    0,
    ...[...log.files.keys()].map((name) => Number(/^snapshot-(\d{20})\.jsonl$/.exec(name)?.[1] ?? 0)),
  );
  const segments = [...log.files].filter(([name]) => /^\d{20}\.jsonl$/.test(name));
  const lines = segments.flatMap(([name, content]) =>
    (content instanceof Buffer ? cutLines(content) : []).map((line) => {
      return { name, line, envelope: readEnvelope(line, 0, line.length - 1) };
    }),
  );
  const followed = new Set(lines.map(({ envelope }) => envelope?.prev));
  for (const { name, line, envelope } of lines) {
    if (envelope === undefined || envelope.seq <= snapshot || writers.has(envelope.writer)) continue;
    // Where the seal after it is lost, it looks like a line that was overtaken by a lost one.
    if (!followed.has(envelope.crc)) continue;
    if (recordTexts(line).some((text) => log.counted.has(text)))
      findings.fault(`entry ${envelope.seq} counted, has a whole line in ${name}, and is left out`);
  }
}
