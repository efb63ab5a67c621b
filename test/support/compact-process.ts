import './program-guard.ts';
import { lastData, Wal, type WalError, type WalOptions } from '../../src/index.ts';

/** What a process is to do that compacts a log again and again, until it is told `stop`. */
export interface CompactJob {
  readonly directory: string;
  readonly options: WalOptions;
  readonly retain: number;
  /** Between two compactions, in milliseconds. */
  readonly pauseMs: number;
}

export interface CompactNews {
  readonly kind: 'ready' | 'compacted' | 'failed' | 'done';
  readonly seq?: number;
  readonly code?: string;
}

const job = JSON.parse(process.argv[2] as string) as CompactJob;
const say = (news: CompactNews) => process.send?.(news, () => {});
let stopped = false;
process.on('message', (message) => {
  stopped ||= message === 'stop';
});
process.on('disconnect', () => process.exit());

const wal = await Wal.open(job.directory, job.options);
say({ kind: 'ready' });
while (!stopped) {
  try {
    const { seq, made } = await wal.compact({ fold: lastData, retain: job.retain });
    if (made) say({ kind: 'compacted', seq });
  } catch (error) {
    say({ kind: 'failed', code: `${(error as WalError).code}: ${(error as Error).message}` });
  }
  await new Promise((resolve) => setTimeout(resolve, job.pauseMs));
}
await wal.close();
say({ kind: 'done' });
process.disconnect?.();
