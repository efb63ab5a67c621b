import type { Scenario } from '../scenario.ts';
import { blowsIn, stormWriter, strike } from './storm.ts';

const scenario: Scenario = {
  name: 'kill-storm',
  about: 'writers are killed (kill -9) at random, and started again',
  source: 'ours',
  module: import.meta.url,
  clients: 8,
  iterations: 1,
  seconds: 60,
  as: 'processes',
  only: { kinds: ['processes'], because: 'a thread cannot be killed without the others' },
  withoutLock: false,
  needs: ['batch'],
  params: { kills: 5000, pauseMs: 30 },
  failRate: 0,
  refusals: [],
  meanwhile: (scene) => {
    const { kills, pauseMs } = scene.params as { readonly kills: number; readonly pauseMs: number };
    return strike(scene, { blows: kills, kills: 1, pauseMs, stopMs: 0 });
  },
  roles: [stormWriter],
  // Whoever comes after takes the lock from the dead, and ends what they left.
  conclude: async ({ store }) => {
    await store.append({ op: 'add', id: 'after' });
  },
  checks: [
    {
      name: 'writers were killed',
      *examine({ members }) {
        if (members.every(({ killed }) => killed.length === 0)) yield 'none was';
      },
    },
  ],
  results: (evidence) => [...blowsIn(evidence), ['Entries', evidence.found.length]],
};
export default scenario;
