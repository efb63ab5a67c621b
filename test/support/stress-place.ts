import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended, type Run, runHere, start } from '../../src/lab/command-line.ts';
import { inScratch } from './scratch.ts';

/** Flags of `jsonl-wal stress` for a run that is over at once. */
export const QUICK = ['no-data-loss', '--threads', '2', '--iterations', '3'];
/** Fast enough to wait for; slow machines need more until all have started. */
export const PATIENCE_MS = 60_000;

/** A place to run the command in, whose temporary directory is its own. */
export class StressPlace {
  readonly directory: string;
  readonly temporary: string;

  constructor(directory: string) {
    this.directory = directory;
    this.temporary = join(directory, 'tmp');
    mkdirSync(this.temporary);
  }

  get env(): NodeJS.ProcessEnv {
    return { TMPDIR: this.temporary, TEMP: this.temporary, SIMULATE_FAILURE: '' };
  }

  /** Runs it in this process, or, with a target of its own, which may end its process, in one of its own. */
  stress(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Run> {
    const env = { ...this.env, ...more };
    return args.includes('--target')
      ? ended(start(this.directory, ['stress', ...args], { env }))
      : runHere(this.directory, ['stress', ...args], '', env);
  }

  /** Writes a module with that text; answers the flag that names it as the target. */
  target(text: string, name = 'own.mjs'): string[] {
    writeFileSync(join(this.directory, name), text);
    return ['--target', `./${name}`];
  }

  /** Nothing is left in the temporary directory, and no process that works in it. */
  assertClean(): void {
    assert.deepEqual(readdirSync(this.temporary), []);
    this.assertNoProcess();
  }

  assertNoProcess(): void {
    if (process.platform === 'win32') return;
    const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
    assert.deepEqual(
      all.filter((args) => args.includes(this.temporary)),
      [],
      'processes are left',
    );
  }

  /** Resolves once clients have written to a store. */
  async begun(): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; ; await sleep(20)) {
      const journals = readdirSync(this.temporary).map((name) =>
        join(this.temporary, name, 'journals/0.0.jsonl'),
      );
      if (journals.some((path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 300)) return;
      assert.ok(performance.now() < end, 'no client began');
    }
  }
}

/** A target's module: `open` is the body of the function. */
export const moduleOf = (open: string, before = '') => `
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
${before}
const store = { append: async () => ({}), read: () => [], close: async () => {} };
export default {
  name: 'own', about: 'a store of my own', module: import.meta.url, locks: ['none'], can: [],
  async open(directory, { readOnly }) { ${open} },
};
`;

/** One that acknowledges what it does not write, and prints. */
export const LIES = moduleOf('console.log("I am a target"); return store;');

/** Runs `body` in a new place. */
export const inPlace = <T>(body: (place: StressPlace) => Promise<T>) =>
  inScratch('cli-stress', (directory) => body(new StressPlace(directory)));
