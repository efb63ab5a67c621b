import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { reasonOf, WalError } from '../../errors/errors.ts';
import { MOST_KEY_WINDOW } from '../../format/key-scope.ts';
import { NEWLINE } from '../../format/line.ts';
import { decodeHeader, MAX_HEADER_BYTES } from '../../format/snapshot.ts';
import { blocksOf, indexPlace } from '../../format/snapshot-index.ts';
import { makeCommand, settingsOf, wholeNumber } from '../command.ts';
import {
  lookAt,
  openReader,
  openWriter,
  snapshotsIn,
  using,
  type WriterOptions,
  withWriterOptions,
} from '../log.ts';
import { print } from '../output.ts';
import { count, figure, size } from '../words.ts';

interface KeysSettings extends WriterOptions {
  readonly window?: number;
}

export default function keysCommand(): Command {
  const command = makeCommand('keys', ['keys', 'keys --window 1000000'])
    .option('--window <entries>', 'raise the window, for all processes', wholeNumber(0, MOST_KEY_WINDOW))
    .addHelpText(
      'after',
      `
The window is so many of the log's last entries. An append whose key is in it writes nothing, and answers with the entry that has
the key; if that entry has another op, id or data, the append fails. "init --key-window" sets the window. It can only be raised:
a smaller one would forget keys that somebody may still try again. What is out of it when it is raised stays out. A snapshot holds
the window's keys.`,
    );
  return withWriterOptions(command).action(async (_options: unknown, given: Command) => {
    const { dir, json, window, ...options } = settingsOf<KeysSettings>(given);
    const opening = window === undefined ? openReader(dir) : openWriter(dir, options);
    const facts = await using(opening, async (wal) => {
      if (window !== undefined) await wal.raiseKeyWindow(window);
      else await wal.head();
      const { keyWindow, keysFrom, location } = wal.info();
      return { window: keyWindow, from: keysFrom, snapshot: newestKeys(location) };
    });
    const done = window === undefined ? undefined : { told: `The window is ${facts.window} entries.` };
    await print(json, facts, () => rowsOf(facts), done);
  });
}

interface SnapshotKeys {
  readonly name: string;
  readonly keys: number;
  /** Of their lines, and of the whole file. */
  readonly bytes: number;
  readonly of: number;
}

function rowsOf({ window, from, snapshot }: { window: number; from: number; snapshot: SnapshotKeys | null }) {
  return [
    [
      'window',
      `a key is looked for among the last ${count(window, 'entry', 'entries')}: now from entry ${figure(from)} on`,
    ],
    [
      'snapshot',
      snapshot === null
        ? 'none'
        : `${count(snapshot.keys, 'key')} in ${size(snapshot.bytes)} of ${size(snapshot.of)} (${snapshot.name})`,
    ],
  ] as const;
}

/** What the newest snapshot that is whole enough to tell holds of keys; null where there is none. */
function newestKeys(directory: string): SnapshotKeys | null {
  for (const { name, bytes: of } of snapshotsIn(directory).reverse()) {
    const path = join(directory, name);
    // Opening a pipe would wait for somebody at its other end.
    if (!lookAt(path)?.isFile()) continue;
    try {
      const file = openSync(path, 'r');
      try {
        const found = keysIn(file, name, of);
        if (found !== undefined) return { name, ...found, of };
      } finally {
        closeSync(file);
      }
    } catch (cause) {
      if (cause instanceof WalError) throw cause;
      throw new WalError('ERR_WAL_IO', `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
    }
  }
  return null;
}

/** Reads at a position, until the target is full or the file ends; returns how many bytes there were. */
function readFully(file: number, target: Buffer, position: number): number {
  let count = 0;
  while (count < target.length) {
    const more = readSync(file, target, count, target.length - count, position + count);
    if (more === 0) break;
    count += more;
  }
  return count;
}

function keysIn(file: number, name: string, of: number): { keys: number; bytes: number } | undefined {
  const start = Buffer.alloc(MAX_HEADER_BYTES);
  const end = start.subarray(0, readFully(file, start, 0)).indexOf(NEWLINE);
  const header = end < 0 ? undefined : decodeHeader(start.subarray(0, end), name);
  if (header === undefined) return undefined;
  const { at, bytes } = indexPlace(header.body);
  // What says how long it is may be damaged: no more is made room for than is there.
  if (end + 1 + at + bytes > of) return undefined;
  const index = Buffer.alloc(bytes);
  readFully(file, index, end + 1 + at);
  const blocks = blocksOf('keys', header.body, index);
  return blocks && { keys: header.body.keys, bytes: blocks.reduce((sum, block) => sum + block.bytes, 0) };
}
