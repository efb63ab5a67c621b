import '../support/program-guard.ts';
import { Argument } from 'commander';
import { makeProgram } from '../support/program.ts';
import { CORRUPTION_WORKLOADS, tryCorruptions } from './corruption-workloads.ts';
import { explore, record } from './explore.ts';
import { APPEND, WORKLOADS } from './workloads.ts';

const { args: names } = makeProgram(
  'crash',
  'Tries every crash of every workload, or of those that are named, and every loss of a line that was synced.',
)
  .addArgument(
    new Argument('[workload...]').choices([...WORKLOADS.map(({ name }) => name), CORRUPTION_WORKLOADS]),
  )
  .parse();
let [tried, distinct, faults] = [0, 0, 0];
const start = performance.now();
for (const workload of WORKLOADS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const explored = await explore(await record(workload), workload.bounds);
  tried += explored.tried;
  distinct += explored.distinct;
  faults += explored.faults.length;
  const verdict = explored.faults.length === 0 ? '[PASS]' : '[FAIL]';
  console.log(
    `${verdict} ${workload.name}: ${explored.points} crash points, ${explored.tried} states tried, ${explored.distinct} distinct`,
  );
  for (const { crashes, faults } of explored.faults) {
    for (const { after, crashState } of crashes) {
      const lost = [...crashState.lost].join(', ') || 'nothing';
      console.log(
        `       crash after effect ${after}: lost ${lost}; damaged ${JSON.stringify(crashState.damaged) ?? 'nothing'}`,
      );
    }
    for (const fault of faults) console.log(`         ${fault}`);
  }
}
if (names.length === 0 || names.includes(CORRUPTION_WORKLOADS)) {
  const lost = await tryCorruptions(await record(APPEND));
  tried += lost.tried;
  faults += lost.faults.length;
  console.log(
    `${lost.faults.length === 0 ? '[PASS]' : '[FAIL]'} ${CORRUPTION_WORKLOADS}: ${lost.tried} states tried`,
  );
  for (const fault of lost.faults) console.log(`       ${fault}`);
}
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(`${tried} states tried, ${distinct} distinct, ${faults} at fault, in ${seconds} s`);
process.exitCode = faults === 0 ? 0 : 1;
