import type { Kind, Work } from './work.ts';
import { calls } from './works/calls.ts';
import { churn } from './works/churn.ts';
import { claim } from './works/claim.ts';
import { compaction } from './works/compaction.ts';
import { crowd } from './works/crowd.ts';
import { flood } from './works/flood.ts';
import { followers } from './works/followers.ts';
import { harness } from './works/harness.ts';
import { history } from './works/history.ts';
import { idleFollower } from './works/idle-follower.ts';
import { killedHolder } from './works/killed-holder.ts';
import { large } from './works/large.ts';
import { load } from './works/load.ts';
import { opening } from './works/opening.ts';
import { reading } from './works/reading.ts';
import { refresh } from './works/refresh.ts';
import { replay } from './works/replay.ts';
import { server } from './works/server.ts';
import { starting } from './works/starting.ts';
import { steps } from './works/steps.ts';
import { stoppedHolder } from './works/stopped-holder.ts';
import { tracker } from './works/tracker.ts';
import { update } from './works/update.ts';

export const WORKS: { readonly [K in Kind]: Work<K> } = {
  crowd,
  calls,
  steps,
  flood,
  replay,
  reading,
  'stopped-holder': stoppedHolder,
  'killed-holder': killedHolder,
  opening,
  load,
  refresh,
  followers,
  'idle-follower': idleFollower,
  server,
  update,
  claim,
  compaction,
  churn,
  tracker,
  starting,
  large,
  harness,
  history,
};
