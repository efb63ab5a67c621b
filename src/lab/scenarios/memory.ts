/* What scenarios share that look at what a process keeps. */

import { collectGarbage } from '../collect-garbage.ts';
import type { Client } from '../harness/client.ts';
import { openDescriptors } from '../harness/open-files.ts';

/** Measures `open descriptors` and `heap`, in bytes, of a client's process. */
export function measureKept(client: Client): void {
  client.measure('open descriptors', openDescriptors());
  client.measure('heap', heapInUse());
}

/** After everything was collected that can be. */
function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
