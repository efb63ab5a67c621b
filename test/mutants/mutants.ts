import type { Mutant } from './mutant.ts';
import { APPENDING } from './rules/appending.ts';
import { CHAIN } from './rules/chain.ts';
import { FILES } from './rules/files.ts';
import { FOLDS } from './rules/folds.ts';
import { FOLLOWING } from './rules/following.ts';
import { KEEPING } from './rules/keeping.ts';
import { KEYS } from './rules/keys.ts';
import { MARKS } from './rules/marks.ts';
import { MENDING } from './rules/mending.ts';
import { MISSING } from './rules/missing.ts';
import { NUMBERS } from './rules/numbers.ts';
import { PLACES } from './rules/places.ts';
import { REPLACEMENT } from './rules/replacement.ts';
import { SLEPT } from './rules/slept.ts';
import { STATES } from './rules/states.ts';
import { SYNCS } from './rules/syncs.ts';
import { TABLES } from './rules/tables.ts';
import { TURNS } from './rules/turns.ts';

export const MUTANTS: readonly Mutant[] = [
  ...CHAIN,
  ...APPENDING,
  ...KEYS,
  ...FOLDS,
  ...KEEPING,
  ...SYNCS,
  ...SLEPT,
  ...FOLLOWING,
  ...TABLES,
  ...REPLACEMENT,
  ...FILES,
  ...MISSING,
  ...MARKS,
  ...MENDING,
  ...NUMBERS,
  ...TURNS,
  ...PLACES,
  ...STATES,
];
