/* What scenarios share that look at what a process keeps. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Client } from '../harness/client.ts';
import { openDescriptors } from '../harness/open-files.ts';

/** Measures `open descriptors` and `heap`, in bytes, of a client's process. */
export function measureKept(client: Client): void {
  client.measure('open descriptors', openDescriptors());
  client.measure('heap', heapInUse());
}

/** After everything was collected that can be. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
