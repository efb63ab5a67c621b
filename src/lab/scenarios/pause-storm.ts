import type { Scenario } from '../scenario.ts';
import { blowsIn, stormWriter, strike } from './storm.ts';

const scenario: Scenario = {
  name: 'pause-storm',
  about: 'writers are stopped and continued at random (SIGSTOP, SIGCONT), for longer than a lockfile lives',
  source: 'ours',
  module: import.meta.url,
  clients: 8,
  iterations: 1,
  seconds: 60,
  as: 'processes',
  only: { kinds: ['processes'], because: 'a thread cannot be stopped' },
  withoutLock: false,
  needs: ['batch'],
  params: { stops: 5000, pauseMs: 50, stopMs: 3000 },
  failRate: 0,
  refusals: [],
  meanwhile: (scene) => {
    const { stops, pauseMs, stopMs } = scene.params as Record<'stops' | 'pauseMs' | 'stopMs', number>;
    return strike(scene, { blows: stops, kills: 0, down: scene.victims.length / 2, pauseMs, stopMs });
  },
  roles: [stormWriter],
  checks: [
    {
      name: 'writers were stopped',
      *examine({ marks }) {
        if (!marks.some(({ kind }) => kind === 'stopped')) yield 'none was';
      },
    },
  ],
  results: (evidence) => [...blowsIn(evidence), ['Entries', evidence.found.length]],
};
export default scenario;
