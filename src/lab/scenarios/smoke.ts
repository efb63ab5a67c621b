import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockStatus } from '../../index.ts';
import type { Client } from '../harness/client.ts';
import { SIMULATED } from '../operations/operation.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';
import { refusals, successes } from './catalog.ts';

interface Photo {
  readonly content?: unknown;
  readonly hash?: unknown;
  readonly size?: unknown;
}

const hashOf = (content: string) => createHash('sha256').update(content).digest('hex');

function contentOf({ dice, param }: Client): string {
  const length = 1 + Math.floor(dice() * param('bytes'));
  return Array.from({ length }, () => Math.floor(dice() * 36).toString(36)).join('');
}

async function addFile(client: Client, id: string): Promise<void> {
  const content = contentOf(client);
  const data = { content, hash: hashOf(content), size: content.length };
  await client.store.append({ op: 'add', id, data });
}

function killedIn({ members }: RunEvidence): number {
  return members.reduce((sum, { killed }) => sum + killed.length, 0);
}

const ADDED = 'every file was added, but for those that were made to fail';
const WHOLE = 'every entry has the hash and size of its content';

/** A line as the database's own smoke test prints it. */
const verdict = (what: string, ok: boolean, [pass, fail] = ['passed', 'failed']) =>
  `[${ok ? 'PASS' : 'FAIL'}] ${what} ${ok ? pass : fail}`;

const scenario: Scenario = {
  name: 'smoke',
  about: 'processes add files with the hash of their content, and sleep between',
  source: 'photosphere',
  module: import.meta.url,
  clients: 4,
  iterations: 6,
  as: 'processes',
  withoutLock: true,
  needs: [],
  params: { sleepFromMs: 100, sleepToMs: 2000, bytes: 2000 },
  failRate: 0,
  refusals: [],
  roles: [
    {
      name: 'adder',
      clients: (all) => all,
      step: async (client) => {
        const { name, iteration, dice, param } = client;
        const [from, to] = [param('sleepFromMs'), param('sleepToMs')];
        await sleep(from + dice() * Math.max(0, to - from));
        await addFile(client, `process-${name}-file-${iteration}.bin`);
      },
    },
  ],
  // The last of all may have been killed with the lock: whoever comes next gets it all the same.
  conclude: async (client) => {
    if (lockStatus(client.storeDirectory).held) await addFile(client, 'after-all.bin');
  },
  checks: [
    {
      name: ADDED,
      ofAllSteps: true,
      *examine(evidence) {
        const { clients, iterations, found } = evidence;
        const wanted = clients * iterations;
        const added = successes(evidence).length;
        const failed = refusals(evidence, SIMULATED).length;
        const killed = killedIn(evidence);
        // Who was killed while it slept makes that step again.
        if (added + failed + killed < wanted)
          yield `${added} of ${wanted} were added, ${failed} failed, ${killed} processes were killed`;
        if (found.length < added) yield `${found.length} are there, and ${added} were added`;
      },
    },
    {
      name: WHOLE,
      *examine({ found }) {
        for (const { seq, id, data } of found) {
          const { content, hash, size } = (data ?? {}) as Photo;
          if (typeof content !== 'string') yield `entry ${seq} (${id}) has no content`;
          else if (hashOf(content) !== hash) yield `entry ${seq} (${id}) has another hash: ${hash}`;
          else if (content.length !== size) yield `entry ${seq} (${id}) has another size: ${size}`;
        }
      },
    },
  ],
  results: (evidence) => [
    ['Files added', successes(evidence).length],
    ['Simulated failures', refusals(evidence, SIMULATED).length],
    ['Processes killed while they held the lock', killedIn(evidence)],
  ],
  closing: ({ ok, checks }) => {
    const ofEntries = checks.filter(({ name }) => name === ADDED || name === WHOLE);
    const ofLog = checks.filter((check) => !ofEntries.includes(check));
    return [
      verdict(
        'Log integrity check',
        ofLog.every((check) => check.ok),
      ),
      verdict(
        'All entry verification checks',
        ofEntries.every((check) => check.ok),
      ),
      verdict('Write lock smoke test', ok, ['PASSED', 'FAILED']),
    ];
  },
};
export default scenario;
