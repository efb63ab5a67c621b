import './program-guard.ts';
import { closeSync, openSync } from 'node:fs';
import { Wal, type WalError } from '../../src/index.ts';

/** Codes and outcomes of appends while no file could be opened, and after. */
export interface FewFilesNews {
  readonly during: readonly string[];
  readonly read: string;
  readonly after: number;
}

const [directory] = JSON.parse(process.argv[2] as string) as [string];
const wal = await Wal.open(directory);
const open: number[] = [];
try {
  for (;;) open.push(openSync('/dev/null', 'r'));
} catch {
  // As many as there may be.
}
const say = (error: WalError) => `${error.code} ${error.outcome}`;
const during: string[] = [];
for (let i = 0; i < 3; i++) {
  during.push(await wal.append({ op: 'add', id: `bd-${i}`, key: `k${i}` }).then(({ seq }) => `${seq}`, say));
}
let read = 'read';
try {
  for await (const _ of wal.read());
} catch (error) {
  read = (error as WalError).code;
}
for (const descriptor of open) closeSync(descriptor);
for (let i = 0; i < 3; i++) await wal.append({ op: 'add', id: `bd-${i}`, key: `k${i}` });
const { seq: after } = await wal.append({ op: 'add', id: 'bd-3' });
await wal.close();
process.send?.({ during, read, after } satisfies FewFilesNews, () => process.disconnect());
