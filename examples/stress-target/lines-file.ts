// A store of one's own for `jsonl-wal stress --target ./examples/stress-target/lines-file.ts` (Node 22.18 or newer;
// before that, compiled): one file of JSON lines, each appended by one write and synced.
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Found, Store, StoreEntry, Target } from 'jsonl-wal/lab';

const linesFile: Target = {
  name: 'lines-file',
  about: 'one file of JSON lines, each appended by one write and synced, without a lock',
  // Clients are processes and threads: each loads the target from here.
  module: import.meta.url,
  locks: ['none'],
  // Appending and reading is all that it can: scenarios that need more are refused.
  can: [],
  open: async (directory) => new LinesFile(await open(join(directory, 'entries.jsonl'), 'a+')),
};
export default linesFile;

class LinesFile implements Store {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Resolves once the entry is on the disk: the lab takes that for a promise, and looks whether it is kept. */
  async append(entry: StoreEntry) {
    await this.#file.appendFile(`${JSON.stringify(entry)}\n`);
    await this.#file.datasync();
    // A store that numbers its entries says here which one it is, as `seq`.
    return {};
  }

  async *read({ from = 1, to = Infinity }: { from?: number | undefined; to?: number | undefined } = {}) {
    const { size } = await this.#file.stat();
    const { buffer } = await this.#file.read(Buffer.alloc(size), 0, size, 0);
    const lines = buffer.toString().split('\n').slice(0, -1);
    for (const [i, line] of lines.entries()) {
      const seq = i + 1;
      if (seq >= from && seq <= to) yield { seq, ...(JSON.parse(line) as StoreEntry) } satisfies Found;
    }
  }

  close() {
    return this.#file.close();
  }
}
