import { type LogRecord, type VerifyReport, Wal } from '../../src/index.ts';
import type { AppendNews } from '../../src/lab/append-process.ts';

/** What became of a log, against what its writers said of it. Every number but `acknowledged` ought to be 0, or true. */
export interface Audit {
  readonly acknowledged: number;
  readonly records: number;
  /** Acknowledged, and not in the log, or not under the seq it was acknowledged with. */
  readonly lost: string[];
  readonly doubled: string[];
  /** In the log, though no writer ever tried to. */
  readonly strange: string[];
  /** Records of a client that come before an earlier one of it. */
  readonly disordered: string[];
  readonly report: VerifyReport;
}

/** Reads all records of a log. */
export async function recordsIn(directory: string): Promise<LogRecord[]> {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    const records: LogRecord[] = [];
    for await (const record of wal.read()) records.push(record);
    return records;
  } finally {
    await wal.close();
  }
}

/** Compares a log with the acknowledgements that its writers' processes reported. Ids must be `{client}n{number}`. */
export async function audit(
  directory: string,
  news: readonly AppendNews[],
  clients: readonly string[],
): Promise<Audit> {
  const records = await recordsIn(directory);
  const where = new Map<string, number[]>();
  for (const { id, seq } of records) where.set(id, [...(where.get(id) ?? []), seq]);
  const acks = news.filter((item) => item.kind === 'ack');
  const wal = await Wal.open(directory, { readOnly: true });
  const report = await wal.verify();
  await wal.close();
  return {
    acknowledged: acks.length,
    records: records.length,
    lost: acks.filter(({ id, seq }) => !where.get(id)?.includes(seq)).map(({ id }) => id),
    doubled: [...where].filter(([, seqs]) => seqs.length > 1).map(([id]) => id),
    strange: [...where.keys()].filter((id) => !clients.includes(clientOf(id))),
    disordered: disorder(records),
    report,
  };
}

function clientOf(id: string): string {
  return id.slice(0, id.lastIndexOf('n'));
}

function disorder(records: readonly LogRecord[]): string[] {
  const last = new Map<string, number>();
  return records
    .filter(({ id }) => {
      const client = clientOf(id);
      const number = Number(id.slice(client.length + 1));
      const before = last.get(client) ?? -1;
      last.set(client, number);
      return number <= before;
    })
    .map(({ id }) => id);
}
