import type { Command } from 'commander';
import { makeCommand, settingsOf, wholeNumber } from '../command.ts';
import { openReader, using } from '../log.ts';
import { Output, showRecord } from '../output.ts';

interface TailSettings {
  readonly follow?: true;
  readonly lines: number;
}

export default function tailCommand(): Command {
  return makeCommand('tail', ['tail -n 20', 'tail -f --json | jq -r .id'])
    .option('-n, --lines <count>', 'how many of the last entries', wholeNumber(0), 10)
    .option('-f, --follow', 'continue with entries as they are appended, until Ctrl-C')
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, lines, follow } = settingsOf<TailSettings>(command);
      const output = new Output();
      const stopped = new AbortController();
      // Once only: a second Ctrl-C ends the process at once.
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
      const signal = AbortSignal.any([stopped.signal, output.gone]);
      await using(openReader(dir), async (wal) => {
        const { seq } = await wal.head();
        const from = Math.max(await wal.oldest(), seq - lines + 1);
        const records = follow ? wal.follow({ from, signal }) : wal.read({ from });
        try {
          for await (const record of records) {
            if (signal.aborted) break;
            await showRecord(record, json, output);
            if (follow) await output.flush();
          }
        } finally {
          await output.flush();
        }
      });
    });
}
