import './program-guard.ts';
import { writeSync } from 'node:fs';
import { Wal } from '../../src/index.ts';

/* Leaves appends on their way when it exits, and appends one more from its exit handler. */
const [directory] = JSON.parse(process.argv[2] as string) as [string];
const wal = await Wal.open(directory);
process.on('exit', () => {
  const { seq } = wal.appendSync({ op: 'exit', id: 'bd-exit' });
  writeSync(1, `${seq}\n`);
});
for (let i = 0; i < 10; i++) wal.append({ op: 'add', id: `bd-${i}` });
setImmediate(() => {
  for (let i = 10; i < 20; i++) wal.append({ op: 'add', id: `bd-${i}` });
  process.exit();
});
