import { nameOf } from '../operations/evidence.ts';
import type { Check } from './check.ts';

/** The store's own look at itself finds nothing. */
export const verified: Check = {
  name: 'the store verifies clean',
  examine: ({ oddities }) => oddities.map(({ kind, message }) => `${kind}: ${message}`),
};

/** Every operation was done, or refused for a reason that the scenario allows. */
export const noErrors: Check = {
  name: 'no operation failed',
  *examine({ operations, refusals }) {
    for (const operation of operations) {
      const { outcome, reason = 'it was never answered', message = '' } = operation;
      if (outcome === 'acknowledged' || (outcome === 'refused' && refusals.includes(reason))) continue;
      yield `${nameOf(operation)}: ${outcome}, ${reason} ${message}`.trim();
    }
  },
};

/** Every client ran to its end, closed its store, and was gone. */
export const allEnded: Check = {
  name: 'every client ran to its end, and let go of everything',
  *examine({ members }) {
    for (const { client, role, problems } of members) {
      for (const problem of problems) yield `client ${client} (${role}) ${problem}`;
    }
  },
};

/** No lock, temporary file or open handle is left. */
export const nothingLeft: Check = {
  name: 'no lock, temporary file or open handle is left behind',
  examine: ({ leftovers }) => leftovers,
};
