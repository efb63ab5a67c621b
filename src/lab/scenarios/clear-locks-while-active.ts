import type { Scenario } from '../scenario.ts';
import { breakLock } from '../tools/break-lock.ts';
import { appendedWithout, lockTaker, takenResults, untilTaken } from './lost-locks.ts';

/** Who has the store open keeps the lock that it has: only who opens it anew sees the new one. */
const APPENDS_A_STORE = 5;
/** So that who breaks the lock gets its share of the machine. */
const PAUSE_MS = 20;

const scenario: Scenario = {
  name: 'clear-locks-while-active',
  about: 'one client breaks the lock again and again ("lock break --force"), while all others write',
  source: 'nodb',
  module: import.meta.url,
  clients: 11,
  iterations: 20,
  as: 'processes',
  withoutLock: true,
  needs: [],
  params: { pauseMs: 20 },
  refusals: [],
  roles: [
    lockTaker('breaker', breakLock),
    untilTaken(async (client) => {
      const store = await client.open();
      for (let i = 0; i < APPENDS_A_STORE; i++) {
        await store.append({ op: 'add', id: `clear-${client.name}-${client.iteration}-${i}` });
        await client.pause(PAUSE_MS);
      }
      await store.close();
    }),
  ],
  checks: [appendedWithout('broken')],
  results: (evidence) => takenResults(evidence, 'broken'),
};
export default scenario;
