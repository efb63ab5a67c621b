import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { badArgument } from '../options/options.ts';
import { Child } from './child.ts';
import { load } from './harness/load.ts';
import type { Target } from './target.ts';

/** What the process that tries a target is given, and what it answers. */
export interface TargetTrial {
  readonly url: string;
  /** An empty directory, in which a store is opened. */
  readonly directory: string;
}
export type TrialAnswer = { readonly kind: 'sound' } | { readonly kind: 'unfit'; readonly message: string };

/** Trying a module takes as long at most, in milliseconds. */
const MOST_TRIAL_MS = 30_000;

/**
 * Loads a user's target from a module. A process of its own loads it first and opens a store of it, so that a module
 * that hangs or ends its process does no harm here. Throws ERR_WAL_ARGUMENT, saying what is wrong with it, and the
 * signal's reason where that aborts.
 */
export async function loadOwnTarget(
  path: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Target> {
  if (!existsSync(path)) throw badArgument(`There is no target ${path} (${resolve(path)})`);
  if (/^\.[mc]?ts$/.test(extname(path)) && !runsTypeScript())
    throw badArgument(
      `Node ${process.versions.node} does not run TypeScript, which the target ${path} is: ` +
        'take Node 22.18 or newer, or compile it, and name the .js file',
    );
  const url = pathToFileURL(realpathSync(path)).href;
  const directory = mkdtempSync(join(tmpdir(), 'jsonl-wal-target-'));
  try {
    const problem = await tried({ url, directory }, Math.min(timeoutMs, MOST_TRIAL_MS), signal);
    signal.throwIfAborted();
    if (problem !== undefined)
      throw badArgument(`The target ${path} is of no use: ${problem.replace(/\.$/, '')}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return load<Target>(url);
}

/** What is wrong with a target, if anything is. */
async function tried(
  trial: TargetTrial,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  let answer: TrialAnswer | undefined;
  let inTime = true;
  const hear = (news: TrialAnswer) => {
    answer = news;
    child.signal('SIGKILL');
  };
  const child = new Child<TrialAnswer>('own-target-process', trial, { keepStderr: true }, hear);
  const timer = setTimeout(() => {
    inTime = false;
    child.signal('SIGKILL');
  }, timeoutMs);
  const abort = () => child.signal('SIGKILL');
  process.once('exit', abort);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const ending = await child.ended;
    if (answer !== undefined) return answer.kind === 'sound' ? undefined : answer.message;
    if (!inTime) return `loading it and opening a store of it was not done after ${timeoutMs} ms`;
    const how = typeof ending === 'number' ? `exit code ${ending}` : String(ending);
    return [`it ended the process that loaded it (${how})`, child.complaint].filter(Boolean).join(': ');
  } finally {
    clearTimeout(timer);
    process.removeListener('exit', abort);
    signal.removeEventListener('abort', abort);
  }
}

function runsTypeScript(): boolean {
  return Boolean((process.features as { readonly typescript?: unknown }).typescript);
}
