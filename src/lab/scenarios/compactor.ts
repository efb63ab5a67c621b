import type { Role } from '../scenario.ts';

const PAUSE_MS = 10;

/** One client compacts the store again and again, until the others are done. */
export const COMPACTOR: Role = {
  name: 'compactor',
  clients: () => 1,
  until: 'others',
  step: async (client) => {
    await client.store.compact();
    await client.pause(PAUSE_MS);
  },
};
