import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Scenario } from '../../src/lab/index.ts';
import { takeLowest } from '../../src/lab/scenarios/ports.ts';
import { isTold, tell, whenTold } from '../../src/lab/scenarios/turns.ts';

const STOPPED = 'stopped';
const STOPS_AT = 2;

const scenario: Scenario = {
  name: 'stopped-holder',
  about:
    'one of many who reserve numbers is stopped where it has decided and not yet written, and goes on later',
  source: 'the comparison of safety',
  module: import.meta.url,
  clients: 5,
  iterations: 8,
  as: 'processes',
  withoutLock: true,
  needs: ['state', 'transaction'],
  params: { pool: 1_000_000, stoppedMs: 3000 },
  refusals: [],
  roles: [
    { name: 'holder', clients: () => 1, step: (client) => reserve(client, client.iteration === STOPS_AT) },
    { name: 'other', clients: (all) => all - 1, until: 'others', step: (client) => reserve(client, false) },
  ],
  checks: [],
  meanwhile: async (scene) => {
    await whenTold(scene, STOPPED);
    await sleep(scene.params.stoppedMs);
    for (const victim of scene.victims) if (victim.role === 'holder') victim.resume();
  },
};
export default scenario;

async function reserve(client: Client, stops: boolean): Promise<void> {
  const { store, memory, param } = client;
  const first = (memory.get('first') as number | undefined) ?? 1;
  const number = await store.transaction((tx) => {
    const number = takeLowest(tx, param('pool'), first);
    // A function that is run again, because others came first, is not stopped again.
    if (stops && !isTold(client, STOPPED)) {
      tell(client, STOPPED);
      client.stop();
    }
    return number;
  });
  memory.set('first', number + 1);
}
