import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { inScratch } from '../support/scratch.ts';
import { copyEngine, mutate } from './copy.ts';
import type { Ended } from './failures.ts';
import type { ByTest, Catcher, Edit } from './mutant.ts';
import type { Tried } from './try.ts';

/** Longer than any takes: what goes on for ever shows nothing. */
const MOST_MS = 600_000;

/** What came of an engine: a fault, none, or that nothing can be said, and why. */
export interface Attempt {
  readonly verdict: 'caught' | 'clean' | 'worthless';
  /** How much was tried. */
  readonly after: string;
  readonly seconds: number;
  /** The first fault, or why nothing can be said. */
  readonly fault?: string;
}

/** Tries an engine with these edits in a process of its own. */
export function attempt(edits: readonly Edit[], catcher: Catcher): Promise<Attempt> {
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 100) / 10;
  return inScratch('mutant', async (directory) => {
    try {
      copyEngine(directory);
      mutate(directory, edits);
      const { after, fault } = await tryIn(directory, catcher);
      return fault === undefined
        ? { verdict: 'clean', after, seconds: seconds() }
        : { verdict: 'caught', after, seconds: seconds(), fault };
    } catch (error) {
      return { verdict: 'worthless', after: '', seconds: seconds(), fault: (error as Error).message };
    }
  });
}

async function tryIn(directory: string, catcher: Catcher): Promise<Tried> {
  const script = join(directory, 'dist/tests/mutants/try.js');
  const tryBy = async (what: object): Promise<Tried> => {
    const { output, complaint } = await run(directory, [script, JSON.stringify(what)]);
    const last = output.trimEnd().split('\n').at(-1);
    if (!last) throw new Error(`it fails at once: ${firstErrorIn(complaint)}`);
    return JSON.parse(last) as Tried;
  };
  if (catcher.by !== 'test') return tryBy(catcher);
  await tryBy({ by: 'nothing' });
  return runTest(directory, catcher);
}

async function runTest(directory: string, { file, test }: ByTest): Promise<Tried> {
  // A test that waits for what never comes has caught it, too.
  const flags = [
    '--test',
    '--test-timeout=60000',
    `--test-reporter=${join(directory, 'dist/tests/mutants/failures.js')}`,
  ];
  const pattern = `--test-name-pattern=^${test.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`;
  const { output } = await run(directory, [
    ...flags,
    pattern,
    join(directory, 'dist/tests', `${file}.test.js`),
  ]);
  const ended = output
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Ended)
    .find(({ name }) => name === test);
  if (ended === undefined) throw new Error(`the test did not run: ${output.slice(0, 300)}`);
  const after = '1 test';
  return ended.error === undefined ? { after } : { after, fault: ended.error };
}

function firstErrorIn(complaint: string): string {
  const lines = complaint.split('\n');
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0] ?? '';
}

interface Said {
  readonly output: string;
  readonly complaint: string;
}

function run(cwd: string, args: readonly string[]): Promise<Said> {
  // A child of a test run is no part of it.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, complaint] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes;
  });
  child.stderr.on('data', (bytes: Buffer) => {
    complaint += bytes;
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), MOST_MS);
    child.on('error', reject);
    child.on('close', (_, signal) => {
      clearTimeout(timer);
      if (signal === null) resolve({ output, complaint });
      else reject(new Error(`it was still busy after ${MOST_MS / 1000} s`));
    });
  });
}
