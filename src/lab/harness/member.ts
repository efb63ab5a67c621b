import { badArgument } from '../../options/options.ts';
import type { ClientKind, ProcessLimits, Victim } from '../model.ts';
import { readJournal } from '../operations/journal.ts';
import type { Mark } from '../operations/run-record.ts';
import { type Hand, startClientThread, startProcess } from './hand.ts';
import type { Job, News, Word } from './messages.ts';
import type { Tally } from './recorded-store.ts';

/** How long a client that is done may take to be gone, before what keeps it is taken for a leftover. */
const PARTING_MS = 10_000;

/** Who a client is, and what it is to do. */
export interface Part {
  readonly client: string;
  /** Its role's number in the scenario, and name. */
  readonly role: number;
  readonly roleName: string;
  /** Undefined: until told to stop. */
  readonly iterations: number | undefined;
  /** It goes on until all are done that do not. */
  readonly untilOthers: boolean;
  readonly as: ClientKind;
  readonly limits: ProcessLimits;
}

/** What a client told at its end, all its processes taken together. */
export interface MemberReport {
  readonly client: string;
  readonly role: string;
  /** What it measured, by name. */
  readonly measures: Readonly<Record<string, readonly number[]>>;
  /** What went wrong, but for what its store rejected with. */
  readonly problems: readonly string[];
  /** Which of its processes were killed on purpose. */
  readonly killed: readonly number[];
}

/** What a run of a process or thread came to. `killed`: on purpose. */
type Ending = 'well' | 'badly' | 'killed';

/** One client: a process or thread, or one process after the other. */
export class Member implements Victim {
  readonly part: Part;
  /** Resolves once it waits for the start, or has ended. */
  readonly ready: Promise<void>;
  /** Resolves once it is gone. */
  readonly ended: Promise<void>;
  readonly #job: Omit<Job, 'run' | 'from' | 'to' | 'atOnce'>;
  readonly #measures: Record<string, number[]> = {};
  readonly #problems: string[] = [];
  readonly #struck: number[] = [];
  readonly #mark: (kind: Mark['kind'], client: string) => void;
  #stoppedNow = false;
  #isStruck = false;
  readonly #past: Tally = { acknowledged: 0, refused: 0, unknown: 0 };
  #now: Tally = { acknowledged: 0, refused: 0, unknown: 0 };
  #hand: Hand | undefined;
  #setReady = () => {};
  #stopped = false;
  #killed: string | undefined;
  #over = false;

  /** `mark`: is told what `kill`, `stop` and `resume` did. */
  constructor(
    part: Part,
    shared: Pick<Job, 'common' | 'scenario' | 'target' | 'journals'>,
    mark: (kind: Mark['kind'], client: string) => void,
  ) {
    const { client, role, iterations } = part;
    this.part = part;
    this.#mark = mark;
    this.#job = { ...shared, client, role, ...(iterations !== undefined && { iterations }) };
    this.ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    this.ended = this.#live();
  }

  get running(): boolean {
    return !this.#over;
  }

  get name(): string {
    return this.part.client;
  }

  get role(): string {
    return this.part.roleName;
  }

  get active(): boolean {
    return this.#now.acknowledged > 0 && !this.#isStruck;
  }

  get stopped(): boolean {
    return this.#stoppedNow;
  }

  kill(): boolean {
    this.#checkProcess();
    if (this.#over || this.#isStruck) return false;
    this.#isStruck = true;
    this.#note('killed');
    this.#hand?.kill();
    return true;
  }

  stop(): void {
    this.#checkProcess();
    if (this.#over) return;
    this.#stoppedNow = true;
    this.#note('stopped');
    this.#hand?.signal('SIGSTOP');
  }

  resume(): void {
    this.#checkProcess();
    if (this.#over) return;
    this.#stoppedNow = false;
    this.#note('continued');
    this.#hand?.signal('SIGCONT');
  }

  #checkProcess(): void {
    if (this.part.as !== 'processes')
      throw badArgument(`Client ${this.name} cannot be killed or stopped: run it with processes`);
  }

  #note(kind: Mark['kind']): void {
    this.#mark(kind, this.name);
  }

  get pid(): number | undefined {
    return this.#hand?.pid;
  }

  /** Operations so far; a client tells them now and then. */
  get tally(): Tally {
    const [past, now] = [this.#past, this.#now];
    return {
      acknowledged: past.acknowledged + now.acknowledged,
      refused: past.refused + now.refused,
      unknown: past.unknown + now.unknown,
    };
  }

  get report(): MemberReport {
    const { client, roleName } = this.part;
    return {
      client,
      role: roleName,
      measures: this.#measures,
      problems: this.#problems,
      killed: this.#struck,
    };
  }

  send(word: Word): void {
    this.#stopped ||= word.kind === 'stop';
    this.#hand?.send(word);
  }

  /** Ends it at once. `why`: what is wrong with it; undefined where that is no fault of its own. */
  end(why?: string): void {
    this.#stopped = true;
    this.#killed = why ?? '';
    this.#hand?.kill();
  }

  async #live(): Promise<void> {
    const { as, iterations = Infinity } = this.part;
    try {
      if (as !== 'one-shot') {
        await this.#liveOn(iterations);
        return;
      }
      for (let i = 0; i < iterations; i++) {
        const isLast = this.#stopped;
        const ending = await this.#run({ run: i, from: i, to: i + 1, atOnce: i > 0 });
        if (ending === 'badly' || isLast) return;
      }
    } finally {
      this.#over = true;
      this.#setReady();
    }
  }

  /** Lives through one process or thread, and through the next where that was killed on purpose. */
  async #liveOn(to: number): Promise<void> {
    for (let run = 0, from = 0; from < to; run++) {
      if (run > 0) this.#note('restarted');
      const ending = await this.#run({ run, from, to, atOnce: run > 0 });
      if (ending !== 'killed') return;
      const { operations } = readJournal(this.#job.journals, this.name, run);
      const last = operations.at(-1)?.step;
      if (last !== undefined) from = last + 1;
    }
  }

  /** Lives through one process or thread. */
  async #run({ to, ...run }: Required<Pick<Job, 'run' | 'from' | 'to' | 'atOnce'>>): Promise<Ending> {
    if (this.#killed !== undefined) return 'badly';
    const job: Job = { ...this.#job, ...run, ...(to !== Infinity && { to }) };
    let told: 'done' | 'failed' | undefined;
    let patience: NodeJS.Timeout | undefined;
    const hear = (news: News) => {
      if (news.kind === 'ready') this.#setReady();
      if (news.kind === 'tally' || news.kind === 'done') this.#now = news.tally;
      if (news.kind === 'failed') this.#problems.push(`failed: ${news.message}`);
      if (news.kind === 'done') this.#keep(news);
      if (news.kind !== 'done' && news.kind !== 'failed') return;
      told = news.kind;
      patience = setTimeout(() => {
        this.#problems.push(`was done, but something kept it from ending for ${PARTING_MS} ms`);
        hand.kill();
      }, PARTING_MS);
    };
    const { as, limits } = this.part;
    this.#isStruck = false;
    const hand = as === 'threads' ? startClientThread(job, hear) : startProcess(job, limits, hear);
    this.#hand = hand;
    this.#stoppedNow = false;
    // Who was told to stop while it was away has not heard it.
    if (run.atOnce && this.#stopped && as !== 'one-shot') hand.send({ kind: 'stop' });
    const before = this.#problems.length;
    const ending = await hand.ended;
    // A kill may hit a process that has done all, and is on its way out.
    const problem = told === 'done' && this.#isStruck ? undefined : ending;
    clearTimeout(patience);
    const isOnPurpose =
      this.#killed === undefined &&
      told === undefined &&
      problem !== undefined &&
      this.#diedOnPurpose(run.run);
    if (isOnPurpose) this.#struck.push(run.run);
    else if (this.#killed) this.#problems.push(this.#killed);
    else if (this.#killed === undefined && problem !== undefined && this.#problems.length === before)
      this.#problems.push(problem);
    else if (this.#killed === undefined && told === undefined) this.#problems.push('ended without a word');
    for (const outcome of ['acknowledged', 'refused', 'unknown'] as const) {
      this.#past[outcome] += this.#now[outcome];
    }
    this.#now = { acknowledged: 0, refused: 0, unknown: 0 };
    return isOnPurpose ? 'killed' : this.#problems.length === before ? 'well' : 'badly';
  }

  /** Killed by a fault, or by itself, as it wrote down before. */
  #diedOnPurpose(run: number): boolean {
    if (this.#isStruck) return true;
    return readJournal(this.#job.journals, this.name, run).marks.some(({ kind }) => kind === 'killed');
  }

  #keep({ measures, open }: Extract<News, { kind: 'done' }>): void {
    for (const [name, values] of Object.entries(measures)) {
      this.#measures[name] ??= [];
      this.#measures[name].push(...values);
    }
    for (const file of open) this.#problems.push(`closed its store, and still had ${file} open`);
  }
}
