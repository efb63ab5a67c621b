import type { Answer, Given, OptionSpec } from './arguments.ts';

export interface Command {
  readonly about: string;
  /** Names of what it takes, in brackets where that may be left out. */
  readonly operands: readonly string[];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  run(given: Given): Promise<Answer>;
}

export const COMMON: Readonly<Record<string, OptionSpec>> = {
  json: { about: 'print JSON' },
  as: { about: 'who you are (default: $ISSUE_AGENT, else $USER)', value: 'agent' },
  help: { about: 'say how it is used', short: 'h' },
};

// Each process is here for one command: it loads what that one needs, and no more.
const reading = () => import('./reading.ts');
const writing = () => import('./writing.ts');

const EDITS = {
  description: { about: 'all the rest there is to say', short: 'd', value: 'text' },
  priority: { about: '0 is the most urgent (a new issue: 2)', short: 'p', value: '0-4' },
} as const;

export const COMMANDS: Readonly<Record<string, Command>> = {
  init: {
    about: 'begin: make .beads/ in this directory',
    operands: [],
    run: async () => (await writing()).init(),
  },
  create: {
    about: 'add an issue, and print its id',
    operands: ['title'],
    options: EDITS,
    run: async (given) => (await writing()).createIssue(given),
  },
  ready: {
    about:
      'the issues to begin with: open, unblocked, unclaimed, not put off; the most urgent first, then the oldest',
    operands: [],
    options: {
      number: { about: 'so many (default: 10)', short: 'n', value: 'count' },
      all: { about: 'all of them', short: 'a' },
    },
    run: async (given) => (await reading()).ready(given),
  },
  list: {
    about: 'the issues that are not closed, the most urgent first',
    operands: [],
    options: {
      status: { about: 'open, closed, another status of beads, or any', value: 'status' },
      priority: { about: 'only those of this priority', short: 'p', value: '0-4' },
      'claimed-by': { about: 'only those this agent has', value: 'agent' },
      number: { about: 'so many (default: 50)', short: 'n', value: 'count' },
      all: { about: 'all of them, closed ones too if no status is given', short: 'a' },
    },
    run: async (given) => (await reading()).list(given),
  },
  show: {
    about: 'all about one issue',
    operands: ['id'],
    run: async (given) => (await reading()).show(given),
  },
  history: {
    about: 'what happened to one issue, from the log',
    operands: ['id'],
    run: async (given) => (await reading()).history(given),
  },
  update: {
    about: 'edit an issue, or give up its claim',
    operands: ['id'],
    options: {
      title: { about: 'a new title', short: 't', value: 'title' },
      ...EDITS,
      release: { about: 'give its claim up' },
    },
    run: async (given) => (await writing()).updateIssue(given),
  },
  claim: {
    about: 'take an issue; only one agent can',
    operands: ['[id]'],
    options: {
      next: { about: 'take the first that is ready, in place of one you name' },
      lease: { about: 'give it back by itself after, say, 30m (ms, s, m, h, d)', value: 'time' },
      renew: { about: 'go on with a claim of your own, with a new lease or for good' },
    },
    run: async (given) => (await writing()).claimIssue(given),
  },
  close: {
    about: 'an issue is done',
    operands: ['id'],
    options: { force: { about: 'even if another agent has it' } },
    run: async (given) => (await writing()).closeIssue(given),
  },
  reopen: {
    about: 'an issue is open (again): it was closed, blocked, deferred, ...',
    operands: ['id'],
    run: async (given) => (await writing()).reopenIssue(given),
  },
  delete: {
    about: 'take an issue away that should not be there',
    operands: ['id'],
    run: async (given) => (await writing()).deleteIssue(given),
  },
  block: {
    about: 'an issue waits until another is closed or deleted',
    operands: ['id', 'blocker'],
    run: async (given) => (await writing()).blockIssue(given),
  },
  unblock: {
    about: 'an issue waits for another no longer',
    operands: ['id', 'blocker'],
    run: async (given) => (await writing()).unblockIssue(given),
  },
  import: {
    about: "take in the issues of a file of beads: those that are new, or newer than the log's",
    operands: ['[file]'],
    options: { force: { about: "take the file's word where the log has a newer one, too" } },
    run: async (given) => (await writing()).importIssues(given),
  },
  sync: {
    about: 'write .beads/issues.jsonl again, for tools that read files of beads',
    operands: [],
    options: { force: { about: 'even if it holds what the log does not have, which is lost then' } },
    run: async (given) => (await writing()).sync(given),
  },
};
