import type { Scenario } from '../scenario.ts';
import noDataLoss from './no-data-loss.ts';

const MOST_SECONDS = 2;
/** What the time is promised for. */
const AGENTS = 5;
const APPENDS = 20;

const scenario: Scenario = {
  ...noDataLoss,
  name: 'append-speed',
  about: 'agents append, from a common start to the last acknowledgement',
  module: import.meta.url,
  timed: [
    {
      name: `all are done within ${MOST_SECONDS} s`,
      ofAllSteps: true,
      promised: ({ clients, iterations }) => clients === AGENTS && iterations === APPENDS,
      *examine({ seconds }) {
        if (!(seconds < MOST_SECONDS)) yield `it took ${seconds.toFixed(2)} s`;
      },
    },
  ],
  results: ({ seconds }) => [['From the start to the last acknowledgement, ms', Math.round(seconds * 1000)]],
};
export default scenario;
