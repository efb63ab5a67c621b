import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { badArgument } from '../../options/options.ts';
import type { Params } from '../model.ts';
import type { Journal } from '../operations/journal.ts';
import type { Mark } from '../operations/run-record.ts';
import { TurnJournal } from '../operations/turn-journal.ts';
import { type Dice, seeded } from '../seeded.ts';
import type { Store, Target } from '../target.ts';
import { type Notes, RecordedStore } from './recorded-store.ts';
import { type Act, dieNow, type ProbeParts, stopNow, type TurnMoment, TurnProbe } from './turn-probe.ts';

/** What all clients of a run share. All of it is JSON. */
export interface Common {
  /** Of the store. */
  readonly directory: string;
  /** For files of the scenario's own. */
  readonly sceneDirectory: string;
  readonly lock: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly params: Params;
  readonly clients: number;
  readonly seed: number;
  /** Where write turns are noted; absent: they are not. */
  readonly turns?: string;
  /** Whether the clients' stores have a probe. */
  readonly probed: boolean;
  /** The chance that a write of theirs fails on purpose. */
  readonly failRate: number;
  /** See `RunOptions.hashes`. */
  readonly hashes: boolean;
}

/** What a workload is given: its store, and who it is. */
export class Client {
  /** Its number among the clients, from `0`; `prepare` and `conclude` for what goes before and after. */
  readonly name: string;
  /** The step that is under way, from 0. */
  iteration = 0;
  /** How many steps it makes; Infinity where it goes on until the others are done. */
  readonly iterations: number;
  /** How many clients there are, whatever their roles. */
  readonly clients: number;
  readonly params: Params;
  readonly lock: string;
  /** For files of the scenario's own; the store is elsewhere. */
  readonly directory: string;
  /** Where the store lies. */
  readonly storeDirectory: string;
  /** Its own, of the run's seed. */
  readonly dice: Dice;
  /** What it remembers from step to step, unless each is a process of its own. */
  readonly memory: Map<string, unknown> = new Map();
  /** See `measure`. */
  readonly measures: Record<string, number[]> = {};
  readonly #common: Common;
  readonly #target: Target;
  readonly #record: Notes;
  readonly #probeParts: ProbeParts;
  #opened = 0;
  #store: RecordedStore | undefined;

  /** @internal */
  constructor(common: Common, target: Target, journal: Journal, iterations: number) {
    this.name = journal.client;
    this.iterations = iterations;
    this.clients = common.clients;
    this.params = common.params;
    this.lock = common.lock;
    this.directory = common.sceneDirectory;
    this.storeDirectory = common.directory;
    this.dice = seeded(crc32(`${common.seed} ${journal.client} ${journal.run}`));
    this.#common = common;
    this.#target = target;
    this.#record = {
      journal,
      tally: { acknowledged: 0, refused: 0, unknown: 0 },
      noted: new WeakSet(),
      writing: 0,
      hashes: common.hashes,
    };
    this.#probeParts = {
      journal,
      failRate: common.failRate,
      // Of its own, so that failures leave what the steps do as it is.
      dice: seeded(crc32(`${common.seed} ${journal.client} ${journal.run} failures`)),
      isWriting: () => this.#record.writing > 0,
      acts: new Map(),
      turns:
        common.turns === undefined ? undefined : new TurnJournal(common.turns, journal.client, journal.run),
    };
  }

  /**
   * Opens the client's own store, before its first step.
   * @internal
   */
  async start(): Promise<void> {
    this.#store = await this.open();
  }

  /** The client's own store. */
  get store(): RecordedStore {
    if (this.#store === undefined) throw new Error('the client was not started');
    return this.#store;
  }

  /** @internal */
  get tally(): Notes['tally'] {
    return this.#record.tally;
  }

  /** One of its numbers; throws where the scenario has none of that name. */
  readonly param = (name: string): number => {
    const value = this.params[name];
    if (value === undefined) throw new Error(`the scenario has no number ${JSON.stringify(name)}`);
    return value;
  };

  /** Opens the same store once more, with these settings besides; who opens it closes it. */
  open(settings: Readonly<Record<string, unknown>> = {}, readOnly = false): Promise<RecordedStore> {
    const { directory, lock, settings: given } = this.#common;
    const probe = this.#common.probed ? new TurnProbe(this.#probeParts) : undefined;
    const open = (): Promise<Store> =>
      this.#target.open(directory, { lock, settings: { ...given, ...settings }, readOnly, probe });
    return RecordedStore.open(this.#target, this.#record, this.#opened++, open);
  }

  /**
   * Has something happen in the client's next write turn, in the middle of it: what it throws, the store takes for a failure of
   * its lock or disk. For scenarios that need `turns`.
   */
  atNext(moment: TurnMoment, act: Act): void {
    this.#probeParts.acts.set(moment, act);
  }

  /** Notes what was done, for the record. */
  mark(kind: Mark['kind']): void {
    this.#record.journal.mark(kind);
  }

  /** Ends its process, as kill -9 does: it is started again, with the next step. For processes. */
  die(): void {
    this.#asProcess(dieNow);
  }

  /** Stops its process, as SIGSTOP does, until somebody continues it. For processes. */
  stop(): void {
    this.#asProcess(stopNow);
  }

  #asProcess(act: (journal: Journal) => void): void {
    if (!isMainThread) throw badArgument('A thread cannot be stopped or killed: run it with processes');
    act(this.#record.journal);
  }

  /** Waits up to that long, in milliseconds, by its dice. */
  async pause(mostMs: number): Promise<void> {
    this.#record.journal.flush();
    await sleep(this.dice() * mostMs);
  }

  /** Keeps a number for the checks and the results, which find it by that name. */
  readonly measure = (name: string, value: number): void => {
    this.measures[name] ??= [];
    this.measures[name].push(value);
  };

  /** True where the store itself rejected with it, so that it is noted down already. */
  isNoted(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#record.noted.has(error);
  }

  /** Takes what an operation rejects with for an answer; anything else is thrown on. Answers whether it went well. */
  async tried(operation: Promise<unknown>): Promise<boolean> {
    try {
      await operation;
      return true;
    } catch (error) {
      if (this.isNoted(error)) return false;
      throw error;
    }
  }

  /** @internal */
  async end(): Promise<void> {
    await this.#store?.close();
    this.#probeParts.turns?.close();
    this.#record.journal.close();
  }
}
