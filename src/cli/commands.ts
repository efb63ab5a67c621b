import type { Command } from 'commander';

/** A command by name: what help says of it, and how to load it when it is called. */
interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** All commands. Each is loaded only when it is called: an agent's append pays for nothing else. */
export const COMMANDS: readonly Entry[] = [
  {
    name: 'init',
    summary: 'make a log, or see that there is one',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  {
    name: 'append',
    summary: 'append an entry, or the JSON lines of standard input',
    load: async () => (await import('./commands/append.ts')).appendCommand(),
  },
  {
    name: 'read',
    summary: 'print the entries of the log, or of a range',
    load: async () => (await import('./commands/read.ts')).readCommand(),
  },
  {
    name: 'tail',
    summary: 'print the last entries, and with -f those to come',
    load: async () => (await import('./commands/tail.ts')).tailCommand(),
  },
  {
    name: 'state',
    summary: 'print the current state, by id',
    load: async () => (await import('./commands/state.ts')).stateCommand(),
  },
  {
    name: 'snapshot',
    summary: 'make a snapshot of the state, and delete nothing',
    load: async () => (await import('./commands/snapshot.ts')).snapshotCommand(),
  },
  {
    name: 'compact',
    summary: 'fold the log into a snapshot, and delete what that makes needless',
    load: async () => (await import('./commands/compact.ts')).compactCommand(),
  },
  {
    name: 'verify',
    summary: 'read the whole log, and say whether anything acknowledged is missing',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'doctor',
    summary: 'look for all that can be wrong with a log and its place, and say how to mend it',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  {
    name: 'repair',
    summary: 'mend a damaged log, and keep the original',
    load: async () => (await import('./commands/repair.ts')).repairCommand(),
  },
  {
    name: 'info',
    summary: 'what log this is, how far it is, and how it is locked',
    load: async () => (await import('./commands/info.ts')).infoCommand(),
  },
  {
    name: 'keys',
    summary: 'how far back idempotency keys are looked for, what that costs, and to raise it',
    load: async () => (await import('./commands/keys.ts')).keysCommand(),
  },
  {
    name: 'stats',
    summary: 'entries, ids, sizes, and how much of the log compaction would free',
    load: async () => (await import('./commands/stats.ts')).statsCommand(),
  },
  {
    name: 'backup',
    summary: 'copy the log while others write it; list and prune such copies',
    load: async () => (await import('./commands/backup.ts')).backupCommand(),
  },
  {
    name: 'restore',
    summary: 'make a new log of a backup, or of any log, up to an entry',
    load: async () => (await import('./commands/restore.ts')).restoreCommand(),
  },
  {
    name: 'lock',
    summary: 'look at the lock, change its kind on this machine, or break it',
    load: async () => (await import('./commands/lock.ts')).lockCommand(),
  },
  {
    name: 'import',
    summary: 'bring the state to what the file of another tool says',
    load: async () => (await import('./commands/import.ts')).importCommand(),
  },
  {
    name: 'export',
    summary: 'write the current state as the file of another tool',
    load: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  {
    name: 'demo',
    summary: 'see several processes append to one log at once',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  {
    name: 'stress',
    summary: 'have many clients write to one store at once, and check what must hold',
    load: async () => (await import('./commands/stress.ts')).stressCommand(),
  },
];
