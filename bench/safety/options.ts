import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chooseSeed } from '../../src/lab/seeded.ts';
import { packageRoot } from '../place.ts';

export interface Options {
  readonly help: boolean;
  readonly list: boolean;
  readonly only: RegExp;
  readonly seed: number;
  readonly json: string | undefined;
  readonly directory: string;
}

export const USAGE = `npm run compare:safety -- [options]

  --only PATTERN    only where "fault / store" matches this regular expression, upper or lower case
  --seed N          from which the faults' times are taken, as far as they are left to chance (0 to 4294967295)
  --json FILE       write everything that was found to this file, too
  --dir DIR         where to write (default: .test_tmp in the checkout)
  --list            say what there is to compare

The stores that are no part of this package: npm run bench -- --install-peers
Exit code 1: this package's log lost, doubled or damaged something, or a trial could not be made.`;

export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      list: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      seed: { type: 'string' },
      json: { type: 'string' },
      dir: { type: 'string', default: join(packageRoot, '.test_tmp') },
    },
  });
  return {
    help: values.help,
    list: values.list,
    only: new RegExp(values.only, 'i'),
    seed: values.seed === undefined ? chooseSeed() : seedOf(values.seed),
    json: values.json,
    directory: values.dir,
  };
}

function seedOf(text: string): number {
  const seed = /^\d+$/.test(text) ? Number(text) : Infinity;
  if (seed >= 2 ** 32) throw new Error(`--seed must be a number from 0 to 4294967295, not ${text}`);
  return seed;
}
