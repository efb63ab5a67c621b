import '../support/program-guard.ts';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FuzzCase, type FuzzReport, fuzz } from './fuzz.ts';
import { makeRealLogs } from './real-logs.ts';

/** What this process says of a case: what came of it, and the most memory that the process ever took, in bytes. */
export interface FuzzAnswer {
  readonly report: FuzzReport;
  readonly mostMemory: number;
}

const [scratch = '.'] = process.argv.slice(2);
mkdirSync(scratch, { recursive: true });
const logs = await makeRealLogs(join(scratch, 'real'));

process.on('message', async (one: FuzzCase) => {
  const report = await fuzz(logs, scratch, one);
  const answer: FuzzAnswer = { report, mostMemory: process.resourceUsage().maxRSS * 1024 };
  process.send?.(answer);
});
process.send?.('ready');
