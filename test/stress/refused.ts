import stressCommand from '../../src/cli/commands/stress.ts';

/** Runs `jsonl-wal stress` in this process; rejects with what it is refused with. */
export async function refused(args: readonly string[]): Promise<void> {
  const command = stressCommand()
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  await command.parseAsync(args, { from: 'user' });
}
