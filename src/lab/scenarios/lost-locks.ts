/* What scenarios share in which one client takes the lock away again and again, while all others write. */

import type { Check } from '../checks/check.ts';
import type { Client } from '../harness/client.ts';
import type { ResultLine } from '../model.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Role } from '../scenario.ts';

/** Who takes it away, by that deed, and pauses in between: needs the number `pauseMs`. */
export function lockTaker(name: string, take: (storeDirectory: string) => Promise<void> | void): Role {
  return {
    name,
    clients: () => 1,
    step: async (client) => {
      await take(client.storeDirectory);
      client.mark('lock-broken');
      await client.pause(client.param('pauseMs'));
    },
  };
}

/** The others, until that one is done. */
export function untilTaken(step: (client: Client) => Promise<void>): Role {
  return { name: 'writer', clients: (all) => all - 1, until: 'others', step };
}

/** `taken`: what was done to the lock, in a word. */
export function appendedWithout(taken: string): Check {
  return {
    name: `locks were ${taken}, and there were appends then`,
    *examine({ marks, operations }) {
      const first = marks.find(({ kind }) => kind === 'lock-broken');
      if (first === undefined) yield `none was ${taken}`;
      else if (!operations.some(({ kind, start }) => kind === 'append' && start > first.at))
        yield 'nobody appended after the first was';
    },
  };
}

export function takenResults({ marks, found }: RunEvidence, taken: string): readonly ResultLine[] {
  return [
    [`Locks ${taken}`, marks.filter(({ kind }) => kind === 'lock-broken').length],
    ['Entries', found.length],
  ];
}
