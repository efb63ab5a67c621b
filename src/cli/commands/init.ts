import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { MOST_KEY_WINDOW } from '../../format/key-scope.ts';
import { META_FILE } from '../../format/names.ts';
import { makeCommand, settingsOf, wholeNumber } from '../command.ts';
import { refuseAddress } from '../failure.ts';
import { foldNamed, foldOption, metaOf, openLog, using } from '../log.ts';
import { print, type Row } from '../output.ts';
import { sayNote, showWaiting } from '../stderr.ts';
import { writeGitFiles } from '../write-file.ts';

interface InitSettings {
  readonly git?: true;
  readonly keepEvents?: true;
  readonly keyWindow?: number;
  readonly mode?: number;
  readonly fold?: string;
  readonly allowNetwork?: true;
}

const KEY_WINDOW =
  'look for idempotency keys among this many of the last entries (default: 100000; "keys --window" raises it)';
const MODE = "give a new log's files these permissions, such as 660 (default: what the umask leaves)";

export default function initCommand(): Command {
  return makeCommand('init', ['init', 'init --git -C .beads'])
    .option('--git', 'make a log to commit to git: one segment, whose line ends git leaves alone')
    .option('--keep-events', 'never compact the log: its entries are the data, not only the state')
    .option('--key-window <entries>', KEY_WINDOW, wholeNumber(0, MOST_KEY_WINDOW))
    .option('--mode <octal>', MODE, octalMode)
    .addOption(foldOption())
    .option('--allow-network', 'allow a network file system, where one machine alone may write')
    .action(async (_options: unknown, command: Command) => {
      const settings = settingsOf<InitSettings>(command);
      const { dir, json, git = false, keepEvents = false, allowNetwork = false, keyWindow, mode } = settings;
      const fold = await foldNamed(settings.fold);
      refuseAddress(dir);
      const metaPath = join(dir, META_FILE);
      const made = !existsSync(metaPath);
      const more = { allowNetwork, ...modesOf(mode), onLockWait: showWaiting };
      const options = { git, keepEvents, keyWindow, fold, ...more };
      const info = await using(openLog(dir, options), async (wal) => wal.info());
      const meta = metaOf(dir);
      const written = writeGitFiles(dir, git, made ? mode : undefined);
      const { id, created, lock } = info;
      const directory = resolve(dir);
      const rowOf = (what: string, areNew: boolean): Row[] => {
        const paths = written.filter(({ isNew }) => isNew === areNew).map(({ name }) => join(dir, name));
        return paths.length > 0 ? [[what, paths.join(', ')]] : [];
      };
      const rows = (): Row[] => [
        [made ? 'made' : 'was there', `${directory} (log ${id}, ${lock} lock)`],
        ...rowOf('made', true),
        ...rowOf('changed', false),
      ];
      const changed = written.map(({ name }) => name);
      const done = made ? { told: `The log was made in ${directory}.` } : undefined;
      await print(json, { directory, made, id, created, git: meta.git, lock, changed }, rows, done);
      if (git && !meta.git)
        sayNote('This log was not made for git (--git has to come first): it may grow more segments.');
      if (keepEvents && meta.keepEvents !== true)
        sayNote(
          'This log was not made to keep its events (--keep-events has to come first): it can be compacted.',
        );
      if (mode !== undefined && !made)
        sayNote('--mode is for a new log: the files of this one were left as they are.');
      if (fold !== undefined && fold.name !== info.fold?.name)
        sayNote(`The log's fold is ${info.fold?.name}: no other can be recorded.`);
    });
}

function octalMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new InvalidArgumentError('It must be three octal digits, such as 660 or 600.');
}

/** A user who may read the files may enter the directories made for them. */
function modesOf(fileMode: number | undefined) {
  return fileMode === undefined ? {} : { fileMode, directoryMode: fileMode | ((fileMode & 0o444) >> 2) };
}
