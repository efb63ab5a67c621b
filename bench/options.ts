import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from './place.ts';

export interface Options {
  readonly help: boolean;
  readonly installPeers: boolean;
  readonly list: boolean;
  readonly quick: boolean;
  /** The README's table alone, quiet and busy. */
  readonly speed: boolean;
  /** Every core computes something else meanwhile. */
  readonly busy: boolean;
  readonly only: RegExp;
  readonly rounds: number | undefined;
  /** Bytes of the large log that is opened. */
  readonly size: number | undefined;
  readonly json: string | undefined;
  readonly directory: string;
}

export const USAGE = `npm run bench -- [options]

  --only PATTERN    only where "table / name" matches this regular expression, upper or lower case: --only '^5 processes x 400 /'
  --busy            a process a core computes for the whole run, because users' machines do other work as well
  --speed           print the README's table of speed: its works once as the machine is, and once with --busy
  --quick           one short trial each, with fewer appends: for a look and not for figures to go by
  --rounds N        trials of each, in turn
  --size MB         how large the log is that is opened (default 256); 1000 is 1 GB, which takes a minute or more to make
  --json FILE       write all figures, of each trial, to this file
  --dir DIR         where to write (default: .test_tmp in the checkout); its disk is what is measured
  --list            say what there is to measure
  --install-peers   first install the databases to compare with, into bench/compare/node_modules`;

export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      'install-peers': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      busy: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      speed: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      size: { type: 'string' },
      json: { type: 'string' },
      dir: { type: 'string', default: join(packageRoot, '.test_tmp') },
    },
  });
  if (values.speed && values.json !== undefined)
    throw new Error('--speed prints a table, and writes no --json');
  if (values.speed && values.busy) throw new Error('--speed measures with --busy too: name only one of them');
  return {
    help: values.help,
    installPeers: values['install-peers'],
    list: values.list,
    busy: values.busy,
    quick: values.quick,
    speed: values.speed,
    only: new RegExp(values.only, 'i'),
    rounds: values.rounds === undefined ? undefined : countOf('--rounds', values.rounds, 999),
    size: values.size === undefined ? undefined : 1e6 * countOf('--size', values.size, 99_999),
    json: values.json,
    directory: values.dir,
  };
}

function countOf(option: string, text: string, most: number): number {
  const count = /^[1-9]\d*$/.test(text) ? Number(text) : Infinity;
  if (count > most) throw new Error(`${option} must be a number from 1 to ${most}, not ${text}`);
  return count;
}
