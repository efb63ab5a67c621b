import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { withCommon } from '../../src/cli/command.ts';
import { crcIsRight, GENESIS_CRC, LINE_START } from '../../src/format/line.ts';
import { segmentName } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';

const root = packageRoot();
const under = (folder: string) => readdirSync(join(root, folder)).map((name) => join(folder, name));
const pages = [
  'README.md',
  ...under('docs').filter((name) => name.endsWith('.md')),
  ...under('examples').map((example) => join(example, 'README.md')),
].flatMap((name) => {
  try {
    return [{ name, text: readFileSync(join(root, name), 'utf8') }];
  } catch {
    return [];
  }
});

interface Fence {
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

const fences: Fence[] = pages.flatMap(({ name, text }) =>
  [...text.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)].map(([, language, inside]) => ({
    page: name,
    language: language as string,
    text: inside as string,
  })),
);

/** The sample lines of each fence that has some; those that a crash cut are no whole lines. */
const samples = fences
  .map(({ page, text }) => ({ page, lines: text.split('\n').filter((line) => line.startsWith(LINE_START)) }))
  .filter(({ lines }) => lines.length > 0);

test('each whole sample line in the docs has the right crc, and follows one before it', () => {
  assert.ok(samples.some(({ page }) => page === 'README.md'));
  for (const { page, lines } of samples) {
    const before = new Set<string>();
    for (const line of lines.filter((each) => each.endsWith('}'))) {
      const bytes = Buffer.from(line);
      assert.ok(crcIsRight(bytes, 0, bytes.length), `${page}: ${line}`);
      const { crc, prev } = JSON.parse(line) as { crc: string; prev?: string };
      assert.ok(prev === undefined || before.size === 0 || before.has(prev), `${page}: ${line}`);
      before.add(crc);
    }
  }
});

test('sample lines in the docs that begin a log are a log without damage', () =>
  inScratch('docs', async (scratch) => {
    for (const [i, { page, lines }] of samples.entries()) {
      if (!lines[0]?.includes(`"prev":"${GENESIS_CRC}"`)) continue;
      const directory = join(scratch, String(i));
      await (await Wal.open(directory, { create: true })).close();
      writeFileSync(join(directory, segmentName(1)), lines.map((line) => `${line}\n`).join(''));
      const wal = await Wal.open(directory, { readOnly: true });
      const { ok, damage } = await wal.verify();
      assert.deepEqual({ page, ok, damage }, { page, ok: true, damage: [] });
      assert.ok((await wal.head()).seq >= 1, page);
      await wal.close();
    }
  }));

/** The commands in a piece of shell, each as its words. What the shell would put in the place of `$...` is 1. */
function commandsIn(shell: string): string[][] {
  const commands: string[][] = [[]];
  const token =
    /\\\n|\$\(\([^)]*\)\)|'[^']*'|"(?:\\.|[^"\\])*"|\$?\(|[)|;&\n]|[<>]+ *[^\s)|;&]+|(?<=^|\s)#.*|[^\S\n]+|\$\w+|./gm;
  let word = '';
  const end = () => {
    if (word !== '') commands.at(-1)?.push(word);
    word = '';
  };
  for (const [text] of shell.matchAll(token)) {
    if (/^([<>#]|\\\n|[^\S\n]+$)/.test(text)) end();
    else if (/^(\$?\(|[)|;&\n])$/.test(text)) {
      end();
      commands.push([]);
    } else if (text.startsWith('$')) word += '1';
    else word += /^(['"])[\s\S]*\1$/.test(text) ? text.slice(1, -1).replace(/\$\w+/g, '1') || ' ' : text;
  }
  end();
  return commands.filter(([first]) => first !== undefined);
}

const COMMANDS = new URL('../../src/cli/commands/', import.meta.url);

/** What commander says of a call; undefined where it takes it. Nothing is run. */
async function refusal(args: readonly string[]): Promise<CommanderError | undefined> {
  const program = withCommon(new Command('jsonl-wal'))
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  for (const name of readdirSync(COMMANDS).filter((file) => /^[a-z-]+\.[jt]s$/.test(file))) {
    const { default: make } = (await import(new URL(name, COMMANDS).href)) as { default: () => Command };
    program.addCommand(disarmed(make(), program));
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.code.startsWith('commander.help') ? undefined : error;
    throw error;
  }
  return undefined;
}

function disarmed(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) disarmed(child, command);
  return command.action(() => {});
}

test('every command in the docs exists, with the options that it is given', async () => {
  let calls = 0;
  for (const { page, language, text } of fences) {
    if (!['sh', 'bash', 'console', ''].includes(language)) continue;
    for (const [first, ...words] of commandsIn(text)) {
      const args =
        first === 'jsonl-wal' ? words : first === 'npx' && words[0] === 'jsonl-wal' ? words.slice(1) : [];
      if (args.length === 0) continue;
      calls++;
      assert.equal((await refusal(args))?.message, undefined, `${page}: jsonl-wal ${args.join(' ')}`);
    }
  }
  assert.ok(calls > 12, `${calls}`);
});

test('every command named within the docs’ text exists, with its options', async () => {
  let calls = 0;
  for (const { name, text } of pages) {
    const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, '');
    for (const [, shell] of prose.matchAll(/`((?:npx )?jsonl-wal [^`]+)`/g)) {
      const args = (commandsIn(shell as string)[0] as string[]).filter((word) => word !== 'npx').slice(1);
      calls++;
      const error = await refusal(args);
      // A sentence may leave out what it is not about.
      if (error === undefined || /[mM]issingArgument$/.test(error.code)) continue;
      assert.fail(`${name}: ${shell}: ${error.message}`);
    }
  }
  assert.ok(calls > 20, `${calls}`);
});

test('every source file and folder that the docs name is there', () => {
  let named = 0;
  for (const { name, text } of pages)
    for (const [, path] of text.matchAll(/`([a-z-]+\/[a-z/-]+(?:\.ts|\/))`/g)) {
      named++;
      const there = ['src', '.'].some((folder) => existsSync(join(root, folder, path as string)));
      assert.ok(there, `${name}: ${path}`);
    }
  assert.ok(named > 50, `${named}`);
});
