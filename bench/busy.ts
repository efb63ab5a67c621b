import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Computes until its parent is gone. */
const COMPUTE =
  'const parent = process.ppid; while (process.ppid === parent) for (const end = Date.now() + 50; Date.now() < end; );';

/** Keeps every core of the machine busy with a process that only computes, for as long as this one runs. */
export function keepBusy(): void {
  const computing = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', COMPUTE], { stdio: 'ignore' }),
  );
  for (const each of computing) each.unref();
  process.on('exit', () => {
    for (const each of computing) each.kill('SIGKILL');
  });
}
