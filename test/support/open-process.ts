import './program-guard.ts';
import { Wal, type WalError, type WalOptions } from '../../src/index.ts';

export interface OpenNews {
  readonly code: string | undefined;
  readonly message: string;
}

/* Opens a log, appends, and says what came of it. */
const [directory, options] = JSON.parse(process.argv[2] as string) as [string, WalOptions];
const news = await (async (): Promise<OpenNews> => {
  try {
    const wal = await Wal.open(directory, options);
    await wal.append({ op: 'add', id: 'bd-1' });
    await wal.close();
    return { code: undefined, message: 'appended' };
  } catch (error) {
    return { code: (error as WalError).code, message: (error as Error).message };
  }
})();
process.send?.(news, () => process.disconnect());
