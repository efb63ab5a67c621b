import { SIMULATED } from '../operations/operation.ts';
import { nameOf } from '../operations/run-evidence.ts';
import type { Check } from './check.ts';

/** The store's own look at itself finds nothing. */
export const verified: Check = {
  name: 'the store verifies clean',
  examine: ({ oddities }) => oddities.map(({ kind, message }) => `${kind}: ${message}`),
};

/** Every operation was done, or came to nothing for a reason that the scenario allows, or as it was made to. */
export const noErrors: Check = {
  name: 'no operation failed',
  *examine({ operations, refusals, unknowns, members }) {
    const killed = new Set(members.flatMap(({ client, killed }) => killed.map((run) => `${client}.${run}`)));
    for (const operation of operations) {
      const { client, run, end, outcome, reason = 'it was never answered', message = '' } = operation;
      if (outcome === 'acknowledged' || reason === SIMULATED) continue;
      if (outcome === 'refused' ? refusals.includes(reason) : unknowns.includes(reason)) continue;
      if (end === Infinity && killed.has(`${client}.${run}`)) continue;
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
