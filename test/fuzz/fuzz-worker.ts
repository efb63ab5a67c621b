import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HUNG_MS } from './findings.ts';
import type { FuzzCase, FuzzReport } from './fuzz.ts';
import type { FuzzAnswer } from './fuzz-process.ts';

/** What the heap of the process may hold, in MiB, and how much memory it may take in all. */
const HEAP_MIB = 256;
const MOST_MEMORY = 768 * 2 ** 20;
/** A case is many calls: what one may take, and more. */
const CASE_MS = 3 * HUNG_MS;

const SCRIPT = fileURLToPath(new URL(`./fuzz-process${extname(import.meta.url)}`, import.meta.url));

/** Runs cases in a process of their own, that may hang, fall, and take too much memory. */
export class FuzzWorker {
  readonly #scratch: string;
  #process: ChildProcess | undefined;

  constructor(scratch: string) {
    this.#scratch = scratch;
  }

  async run(one: FuzzCase): Promise<FuzzReport> {
    this.#process ??= await this.#start();
    const child = this.#process;
    const stop = new AbortController();
    const { signal } = stop;
    const timer = setTimeout(() => child.kill('SIGKILL'), CASE_MS);
    try {
      child.send(one);
      const ended = await Promise.race([
        once(child, 'message', { signal }).then(([message]) => message as FuzzAnswer),
        once(child, 'exit', { signal }).then(([code, killed]) => `${killed ?? code}`),
      ]);
      if (typeof ended === 'string') {
        this.#process = undefined;
        return failed(one, `the process ended with ${ended}`);
      }
      const { report, mostMemory } = ended;
      if (mostMemory < MOST_MEMORY) return report;
      await this.close();
      const fault = `the process took ${Math.round(mostMemory / 2 ** 20)} MiB of memory`;
      return { ...report, faults: [...report.faults, fault] };
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(SCRIPT, [this.#scratch], {
      execArgv: ['--no-warnings', `--max-old-space-size=${HEAP_MIB}`],
    });
    await once(child, 'message');
    return child;
  }

  async close(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

function failed({ seed, kept }: FuzzCase, fault: string): FuzzReport {
  const mutations = (kept ?? []).map((number) => ({ number, what: 'not known' }));
  return { seed, way: 'library', log: 'not known', mutations, faults: [fault], counts: {} };
}
