import './program-guard.ts';
import { Wal, type WalError, type WalOptions } from '../../src/index.ts';

/** What a process that makes transactions is to do. */
export interface TransactJob {
  readonly directory: string;
  readonly options?: WalOptions;
  /** Add 1 to the value of the id `counter` so often. */
  readonly updates: number;
}

/** What it says. */
export type TransactNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'updated'; readonly value: number; readonly version: number; readonly rev: number }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string };

const job = JSON.parse(process.argv[2] as string) as TransactJob;
const say = (news: TransactNews) => process.send?.(news, () => {});
const go = new Promise<void>((resolve) => {
  process.on('message', (message) => message === 'go' && resolve());
});
// Without its parent it has nobody to report to.
process.on('disconnect', () => process.exit());

const { directory, options, updates } = job;
const wal = await Wal.open(directory, options);
const table = await wal.table<{ count?: number }>();
say({ kind: 'ready' });
await go;

try {
  for (let i = 0; i < updates; i++) {
    const item = await table.update('counter', (value) => ({ count: (value?.count ?? 0) + 1 }));
    if (item === undefined) throw new Error('the update left nothing');
    say({ kind: 'updated', value: item.value.count as number, version: item.version, rev: item.rev });
  }
} catch (error) {
  const { code, message } = error as WalError;
  say({ kind: 'failed', code, message });
}
await wal.close();
process.disconnect?.();
