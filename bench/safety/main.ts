// Does the same harm to this log and to others, and counts what each lost: npm run compare:safety -- --help
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import jsonlWal from '../../src/lab/targets/jsonl-wal.ts';
import { benchOf } from '../machine.ts';
import { makeWorkplace } from '../place.ts';
import { compare, pairName, whyAbsent } from './compare.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import { FAULTS } from './faults.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { absentText, COLUMNS, faultText, holds, legendText, machineText, summaryText } from './report.ts';
import type { Trial } from './trial.ts';

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  const options = readOptions(process.argv.slice(2));
  const pairs = FAULTS.flatMap((fault) => CONTENDERS.map((contender) => pairName(fault, contender)));
  const chosen = pairs.filter((pair) => options.only.test(pair));
  if (options.help) console.log(USAGE);
  else if (options.list) console.log(chosen.join('\n'));
  else if (chosen.length === 0) throw new Error(`Nothing matches ${options.only}: see --list`);
  else process.exitCode = await main(options);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}

async function main({ directory, json, only, seed }: Options): Promise<number> {
  const workplace = makeWorkplace(resolve(directory));
  const machine = benchOf(workplace);
  const contenders = CONTENDERS.filter((each) => FAULTS.some((fault) => only.test(pairName(fault, each))));
  print(machineText(machine, seed));
  if (contenders.some(whyAbsent)) print(absentText(contenders));
  const all: Trial[] = [];
  for await (const { fault, trials } of compare({
    faults: FAULTS,
    contenders,
    only,
    seed,
    directory: workplace,
  })) {
    all.push(...trials);
    print(faultText(fault, trials));
  }
  print(summaryText(contenders, all));
  print(COLUMNS);
  print(legendText(contenders));
  if (json !== undefined) {
    const skipped = contenders.flatMap((each) =>
      whyAbsent(each) === undefined ? [] : [[each.name, whyAbsent(each)]],
    );
    writeFileSync(
      json,
      `${JSON.stringify({ machine, seed, skipped: Object.fromEntries(skipped), trials: all }, undefined, 2)}\n`,
    );
  }
  return all.some((trial) => trial.failed !== undefined || isOurFault(trial, contenders)) ? 1 : 0;
}

function isOurFault({ contender, damage }: Trial, contenders: readonly Contender[]): boolean {
  const { target } = contenders.find(({ name }) => name === contender) as Contender;
  return target === jsonlWal && damage !== undefined && !holds(damage);
}

function print(text: string): void {
  console.log(`${text}\n`);
}
