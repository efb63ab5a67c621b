import './program-guard.ts';
import { Wal, type WalError } from '../../src/index.ts';

/** What an append came to, on a disk that fills. */
export interface FullDiskNews {
  readonly acked: readonly string[];
  readonly failed: readonly { id: string; code: string; outcome: string | undefined }[];
}

/* Appends in groups of four until one is refused, and then four more rounds. */
const [directory] = JSON.parse(process.argv[2] as string) as [string];
const wal = await Wal.open(directory);
const acked: string[] = [];
const failed: { id: string; code: string; outcome: string | undefined }[] = [];
const text = 'x'.repeat(700);
for (let round = 0, left = 4; left > 0 && round < 1000; round++) {
  const ids = [0, 1, 2, 3].map((i) => `bd-${round * 4 + i}`);
  const results = await Promise.allSettled(ids.map((id) => wal.append({ op: 'add', id, data: { text } })));
  results.forEach((result, i) => {
    const id = ids[i] as string;
    if (result.status === 'fulfilled') acked.push(id);
    else failed.push({ id, code: (result.reason as WalError).code, outcome: result.reason.outcome });
  });
  if (failed.length > 0) left--;
}
await wal.close();
process.send?.({ acked, failed } satisfies FullDiskNews, () => process.disconnect());
