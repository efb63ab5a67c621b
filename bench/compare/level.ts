import { join } from 'node:path';
import type { Entry } from '../../src/index.ts';
import type { Subject } from '../subject.ts';
import { loadPeer, missingPeer } from './peer.ts';

interface Database {
  open(): Promise<void>;
  put(key: string, value: string, options: { sync: boolean }): Promise<void>;
  batch(operations: { type: 'put'; key: string; value: string }[], options: { sync: boolean }): Promise<void>;
  values(): { nextv(size: number): Promise<string[]>; close(): Promise<void> };
  close(): Promise<void>;
}

const keyOf = (n: number): string => String(n).padStart(16, '0');

/** classic-level: LevelDB, each put synced. It lets one process in. */
export function levelSubject(): Subject {
  return {
    settings: 'put() with sync: true awaited',
    missing: () => missingPeer('classic-level'),
    open: async ({ directory }) => {
      const { ClassicLevel } = loadPeer<{ ClassicLevel: new (path: string) => Database }>('classic-level');
      const db = new ClassicLevel(join(directory, 'log.level'));
      await db.open();
      let key = 0;
      return {
        append: (entry) => db.put(keyOf(++key), JSON.stringify(entry), { sync: true }),
        fill: async (entries) => {
          const puts = [...entries].map((entry) => ({
            type: 'put' as const,
            key: keyOf(++key),
            value: JSON.stringify(entry),
          }));
          for (let i = 0; i < puts.length; i += 1024)
            await db.batch(puts.slice(i, i + 1024), { sync: false });
        },
        replay: async () => {
          let count = 0;
          const values = db.values();
          for (;;) {
            const lines = await values.nextv(1000);
            if (lines.length === 0) break;
            for (const line of lines) if ((JSON.parse(line) as Entry).id !== '') count++;
          }
          await values.close();
          return count;
        },
        close: () => db.close(),
      };
    },
  };
}
