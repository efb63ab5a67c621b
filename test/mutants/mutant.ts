/** Worlds of the simulation, from seed 1 on: see test/sim. */
export interface BySimulation {
  readonly by: 'sim';
  /** It must show in one of so many worlds. */
  readonly seeds: number;
}

/** Crashes of one workload, or what is lost of one: see test/crash. */
export interface ByCrashes {
  readonly by: 'crash';
  readonly workload: string;
}

/** A named test on real files and processes. */
export interface ByTest {
  readonly by: 'test';
  /** Of test/, without its endings. */
  readonly file: string;
  readonly test: string;
  /** Why neither the simulation nor a crash can show it. */
  readonly because: string;
}

export type Catcher = BySimulation | ByCrashes | ByTest;

/** Text of the compiled engine that is put in another's place. It must be there once. */
export interface Edit {
  /** Under dist/src, without its ending. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A deliberate breakage of one rule, and what must catch it. */
export interface Mutant {
  readonly name: string;
  /** The rule that it breaks. */
  readonly rule: string;
  /** Where that rule is told: a page of docs/ and a heading there. */
  readonly told: `${'FORMAT' | 'DURABILITY' | 'ARCHITECTURE'}: ${string}`;
  readonly edits: readonly Edit[];
  readonly caughtBy: Catcher;
}
