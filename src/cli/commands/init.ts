import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { MOST_KEY_WINDOW } from '../../format/key-scope.ts';
import { META_FILE } from '../../format/names.ts';
import { makeCommand, settingsOf, wholeNumber } from '../command.ts';
import { refuseAddress } from '../failure.ts';
import { foldNamed, foldOption, metaOf, openLog, using } from '../log.ts';
import { Output } from '../output.ts';
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

export function initCommand(): Command {
  return makeCommand('init', ['init', 'init --git -C .beads'])
    .option(
      '--git',
      'for a log that is committed to git: keep it in one segment, and its line ends as they are',
    )
    .option(
      '--keep-events',
      'for a log whose entries are the data, not only the state: it is never compacted',
    )
    .option(
      '--key-window <entries>',
      'among how many last entries an idempotency key is looked for (default: 100000; it can be raised later)',
      wholeNumber(0, MOST_KEY_WINDOW),
    )
    .option(
      '--mode <octal>',
      "permissions of a new log's files, such as 660 (default: what the umask leaves); later files take those of the newest one",
      octalMode,
    )
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
      const changed = writeGitFiles(dir, git, made ? mode : undefined);
      const output = new Output();
      if (made) output.done = { told: `The log was made in ${resolve(dir)}.` };
      const { id, created, lock } = info;
      if (json)
        await output.json({ directory: resolve(dir), made, id, created, git: meta.git, lock, changed });
      else {
        await output.facts([
          [made ? 'made' : 'was there', `${resolve(dir)} (log ${id}, ${lock} lock)`],
          ...(changed.length > 0 ? ([['changed', changed.join(', ')]] as const) : []),
        ]);
      }
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
      await output.flush();
    });
}

function octalMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new InvalidArgumentError('It must be three octal digits, such as 660 or 600.');
}

/** Who may read the files may enter the directories that are made for them. */
function modesOf(fileMode: number | undefined) {
  return fileMode === undefined ? {} : { fileMode, directoryMode: fileMode | ((fileMode & 0o444) >> 2) };
}
