import type { ClientKind } from '../scenario.ts';
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
}

/** What a client told at its end, all its processes taken together. */
export interface MemberReport {
  readonly client: string;
  readonly role: string;
  /** What it measured, by name. */
  readonly measures: Readonly<Record<string, readonly number[]>>;
  /** What went wrong, but for what its store rejected with. */
  readonly problems: readonly string[];
}

/** One client: a process or thread, or one process after the other. */
export class Member {
  readonly part: Part;
  /** Resolves once it waits for the start, or has ended. */
  readonly ready: Promise<void>;
  /** Resolves once it is gone. */
  readonly ended: Promise<void>;
  readonly #job: Omit<Job, 'run' | 'from' | 'to' | 'atOnce'>;
  readonly #measures: Record<string, number[]> = {};
  readonly #problems: string[] = [];
  readonly #past: Tally = { acknowledged: 0, refused: 0, unknown: 0 };
  #now: Tally = { acknowledged: 0, refused: 0, unknown: 0 };
  #hand: Hand | undefined;
  #setReady = () => {};
  #stopped = false;
  #killed: string | undefined;
  #over = false;

  constructor(part: Part, shared: Pick<Job, 'common' | 'scenario' | 'target' | 'journals'>) {
    const { client, role, iterations } = part;
    this.part = part;
    this.#job = { ...shared, client, role, ...(iterations !== undefined && { iterations }) };
    this.ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    this.ended = this.#live();
  }

  get running(): boolean {
    return !this.#over;
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
    return { client, role: roleName, measures: this.#measures, problems: this.#problems };
  }

  send(word: Word): void {
    this.#stopped ||= word.kind === 'stop';
    this.#hand?.send(word);
  }

  /** Ends it at once. `why`: what is wrong with it; undefined where that is no fault of its own. */
  kill(why: string | undefined): void {
    this.#stopped = true;
    this.#killed = why ?? '';
    this.#hand?.kill();
  }

  async #live(): Promise<void> {
    const { as, iterations = Infinity } = this.part;
    try {
      if (as !== 'one-shot') {
        await this.#run({ run: 0, from: 0, to: iterations, atOnce: false });
        return;
      }
      for (let i = 0; i < iterations; i++) {
        const isLast = this.#stopped;
        const well = await this.#run({ run: i, from: i, to: i + 1, atOnce: i > 0 });
        if (!well || isLast) return;
      }
    } finally {
      this.#over = true;
      this.#setReady();
    }
  }

  /** Lives through one process or thread. Answers whether it went well. */
  async #run({ to, ...run }: Required<Pick<Job, 'run' | 'from' | 'to' | 'atOnce'>>): Promise<boolean> {
    if (this.#killed !== undefined) return false;
    const job: Job = { ...this.#job, ...run, ...(to !== Infinity && { to }) };
    let told = false;
    let patience: NodeJS.Timeout | undefined;
    const hear = (news: News) => {
      if (news.kind === 'ready') this.#setReady();
      if (news.kind === 'tally' || news.kind === 'done') this.#now = news.tally;
      if (news.kind === 'failed') this.#problems.push(`failed: ${news.message}`);
      if (news.kind === 'done') this.#keep(news);
      if (news.kind !== 'done' && news.kind !== 'failed') return;
      told = true;
      patience = setTimeout(() => {
        this.#problems.push(`was done, but something kept it from ending for ${PARTING_MS} ms`);
        hand.kill();
      }, PARTING_MS);
    };
    const hand = (this.part.as === 'threads' ? startClientThread : startProcess)(job, hear);
    this.#hand = hand;
    const before = this.#problems.length;
    const problem = await hand.ended;
    clearTimeout(patience);
    if (this.#killed) this.#problems.push(this.#killed);
    else if (this.#killed === undefined && problem !== undefined && this.#problems.length === before)
      this.#problems.push(problem);
    else if (this.#killed === undefined && !told) this.#problems.push('ended without a word');
    for (const outcome of ['acknowledged', 'refused', 'unknown'] as const) {
      this.#past[outcome] += this.#now[outcome];
    }
    this.#now = { acknowledged: 0, refused: 0, unknown: 0 };
    return this.#problems.length === before;
  }

  #keep({ measures, open }: Extract<News, { kind: 'done' }>): void {
    for (const [name, values] of Object.entries(measures)) {
      this.#measures[name] ??= [];
      this.#measures[name].push(...values);
    }
    for (const file of open) this.#problems.push(`closed its store, and still had ${file} open`);
  }
}
