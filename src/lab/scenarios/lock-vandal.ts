import type { Scenario } from '../scenario.ts';
import { deleteLock } from '../tools/break-lock.ts';
import { appendedWithout, lockTaker, takenResults, untilTaken } from './lost-locks.ts';

const APPENDS_A_STORE = 5;

const scenario: Scenario = {
  name: 'lock-vandal',
  about: 'one client deletes the lock, file or directory, every few milliseconds, while all others write',
  source: 'ours',
  module: import.meta.url,
  clients: 6,
  iterations: 500,
  as: 'processes',
  withoutLock: true,
  needs: [],
  params: { pauseMs: 5 },
  refusals: [],
  roles: [
    lockTaker('vandal', deleteLock),
    untilTaken(async (client) => {
      const { name, iteration } = client;
      const store = iteration % 2 === 0 ? client.store : await client.open();
      for (let i = 0; i < APPENDS_A_STORE; i++)
        await store.append({ op: 'add', id: `vandal-${name}-${iteration}-${i}` });
      if (store !== client.store) await store.close();
    }),
  ],
  checks: [appendedWithout('deleted')],
  results: (evidence) => takenResults(evidence, 'deleted'),
};
export default scenario;
