import type { Check, TimeLimit } from './checks/check.ts';
import type { Client } from './harness/client.ts';
import type { ClientKind, Params, ProcessLimits, ResultLine, Victim } from './model.ts';
import type { RunEvidence } from './operations/run-evidence.ts';
import type { Mark } from './operations/run-record.ts';
import type { Result } from './result.ts';
import type { Dice } from './seeded.ts';
import type { Ability } from './target.ts';

/** A part that some of the clients play. */
export interface Role {
  readonly name: string;
  /** How many of all the clients play it. */
  readonly clients: (all: number) => number;
  /** What they are, whatever the others are. */
  readonly as?: ClientKind;
  /** How many steps each makes. Default: as many as the scenario says. */
  readonly iterations?: (given: number) => number;
  /**
   * `others`: it goes on until everybody else is done, and makes its last step after that. Where all roles do, until what
   * goes on beside them is.
   */
  readonly until?: 'others';
  /**
   * One step, such as a command of a command line. What the client's store rejects with may be let through: it is noted
   * down, and the next step follows. Anything else that it throws ends the client, and fails the run.
   */
  readonly step: (client: Client) => Promise<void>;
}

/** The place and the means of what happens beside the clients. */
export interface Scene {
  /** For files of the scenario's own; the store is elsewhere. */
  readonly directory: string;
  /** Where the store lies. */
  readonly storeDirectory: string;
  readonly params: Params;
  /** How many steps each client is to make; Infinity where seconds bound the run. */
  readonly steps: number;
  readonly dice: Dice;
  /** All clients. */
  readonly victims: readonly Victim[];
  /** Notes what was done, for the record. */
  mark(kind: Mark['kind']): void;
  /** Aborts when the clients are done, or to be. */
  readonly signal: AbortSignal;
}

/**
 * What clients do to a store at once, and what must hold then. Beside its own checks, those of `ALWAYS` are made. Clients are
 * processes and threads, which load it anew: it is the default export of the module that `module` names.
 */
export interface Scenario {
  readonly name: string;
  /** What happens, in a sentence. */
  readonly about: string;
  /** Whose tests it is taken from. */
  readonly source: string;
  /** `import.meta.url` of the module. */
  readonly module: string;
  /** Defaults: how many clients, how many steps each, and what they are. */
  readonly clients: number;
  readonly iterations: number;
  readonly as: ClientKind;
  /** What its clients may be, where it is not for all kinds; and why, as the end of a sentence. */
  readonly only?: { readonly kinds: readonly ClientKind[]; readonly because: string };
  /** Seconds after which all end, where that is what it is made for, and not `iterations`. */
  readonly seconds?: number;
  /** What it is run with by default. Default: the target's first. */
  readonly lock?: string;
  /** Whether it must hold without any lock, too. */
  readonly withoutLock: boolean;
  /** A scenario that needs `turns` has the write turns noted. */
  readonly needs: readonly Ability[];
  readonly params: Params;
  /** The chance that a write fails on purpose, from 0 to 1; undefined where its checks do not allow for any to fail. */
  readonly failRate?: number;
  /** Of processes; what is left out is not limited. */
  readonly limits?: (params: Params) => ProcessLimits;
  /** Settings that a target of that name is opened with. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly roles: readonly Role[];
  /**
   * Before anything else, in the harness's own process: makes what the store is to lie on, in a directory that is there, and
   * answers how to take it away again.
   */
  readonly ground?: (storeDirectory: string, params: Params) => () => void;
  /** Before the clients start, in the harness's own process. */
  readonly prepare?: (client: Client) => Promise<void>;
  /** Beside the clients, from their start on, in the harness's own process. Its end is waited for. */
  readonly meanwhile?: (scene: Scene) => Promise<void>;
  /** After the clients ended, in the harness's own process. */
  readonly conclude?: (client: Client) => Promise<void>;
  /** For what reasons an operation may be refused. Every other refusal is a fault. */
  readonly refusals: readonly string[];
  /** For what reasons nobody may know whether an operation was done. Default: for none. */
  readonly unknowns?: readonly string[];
  /** What must hold here. */
  readonly checks: readonly Check[];
  readonly timed?: readonly TimeLimit[];
  readonly results?: (evidence: RunEvidence) => readonly ResultLine[];
  /** Lines of its own that end the command's report, as other tools may look for them. */
  readonly closing?: (result: Result) => readonly string[];
}
