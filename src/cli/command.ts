import { Command, InvalidArgumentError } from 'commander';

const ISO =
  /^(\d{4}|[+-]\d{6})-(\d\d)(?:-(\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)?$/i;

/**
 * A time in milliseconds since the epoch, given as such or in ISO 8601; undefined where it is neither. A time of day without a
 * zone is in the machine's.
 */
export function timeOf(text: string): number | undefined {
  const value = /^-?\d+$/.test(text) ? Number(text) : isoTime(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Date.parse takes much more: to it "bd-1" is a day in 2001, and February 30 is one in March. */
function isoTime(text: string): number {
  const [found, year, month, day = '1'] = ISO.exec(text) ?? [];
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return found !== undefined && Number(day) <= daysInMonth ? Date.parse(text) : Number.NaN;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Listens for Ctrl-C until `end`. The first one aborts `signal`: what is under way may be finished. The second one ends the
 * process at once. `lastly`: what is to be done then, after all else.
 */
export function onInterrupt(lastly: () => void = () => {}): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) {
      process.once('exit', lastly);
      process.exit(130);
    }
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    },
  };
}

/** Runs what the first Ctrl-C aborts. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = onInterrupt();
  try {
    return await work(interruption.signal);
  } finally {
    interruption.end();
  }
}

/** Options that every command takes. */
export interface Common {
  /** The log's directory. */
  readonly dir: string;
  readonly json: boolean;
}

/** Makes a command with the options that all have, and examples under its help. */
export function makeCommand(name: string, examples: readonly string[]): Command {
  const command = withCommon(new Command(name));
  const lines = examples.map((example) => `  $ jsonl-wal ${example}`);
  return command.addHelpText('after', `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.join('\n')}`);
}

export function withCommon(command: Command): Command {
  return command
    .option('-C, --dir <dir>', 'the log (default: $JSONL_WAL_DIR, or .beads)')
    .option('--json', 'speak JSON, one object a line, errors too');
}

/** The options of a command, with those given before its name. */
export function settingsOf<T>(command: Command): T & Common {
  const chain: object[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) chain.unshift(at.opts());
  const directory = process.env.JSONL_WAL_DIR || '.beads';
  return Object.assign({ dir: directory, json: false }, ...chain);
}

/** Parses a whole number of at least `least`, and of `most` at most. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const end = most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`;
    throw new InvalidArgumentError(`It must be a whole number from ${least} ${end}.`);
  };
}

/** Parses a number within these bounds. */
export function decimalNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^(\d+\.?\d*|\.\d+)$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  };
}

/** Parses a time: milliseconds since the epoch, or ISO 8601. */
export function time(text: string): number {
  const value = timeOf(text);
  if (value !== undefined) return value;
  throw new InvalidArgumentError('It must be milliseconds since the epoch, or an ISO 8601 time.');
}

/** Collects an option that may be given several times. */
export function several(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}
