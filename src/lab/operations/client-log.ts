import { isWriting, type Operation } from './operation.ts';
import type { RunRecord } from './run-record.ts';

const COLUMNS = 'timestamp,filename,hash,size_bytes,add_result,duration_ms';
const LOCK_COLUMNS = 'timestamp,client,event';

/** A file of what happened, for tools that read logs of such columns. */
export interface LogFile {
  readonly name: string;
  readonly text: string;
}

/**
 * A `process_N.log` for each client, with a line for each entry that it wrote or tried to, and, where the target told of
 * its write turns, a `lock.log` of who waited for the lock, got it and gave it back. `title`: what was run. `epoch`: what
 * makes microseconds since the epoch of an instant, when it is added.
 */
export function logFiles({ operations, turns }: RunRecord, title: string, epoch: number): LogFile[] {
  const time = (at: number) => `${Math.round(at + epoch)}000`;
  const clients = new Map<string, Operation[]>();
  for (const operation of operations) {
    const own = clients.get(operation.client) ?? [];
    clients.set(operation.client, own);
    if (isWriting(operation)) own.push(operation);
  }
  const files = [...clients].map(([client, own]) => ({
    name: `process_${client}.log`,
    text: textOf(
      `client ${client} of ${title}`,
      COLUMNS,
      own.flatMap((operation) => linesOf(operation, time)),
    ),
  }));
  if (turns.length === 0) return files;
  const events = turns.flatMap(({ client, asked, from, to }) => [
    { at: asked, client, event: 'wait' },
    { at: from, client, event: 'acquire' },
    ...(to === Infinity ? [] : [{ at: to, client, event: 'release' }]),
  ]);
  events.sort((a, b) => a.at - b.at);
  const lines = events.map(({ at, client, event }) => `${time(at)},${client},${event}`);
  return [...files, { name: 'lock.log', text: textOf(`the lock of ${title}`, LOCK_COLUMNS, lines) }];
}

function textOf(title: string, columns: string, lines: readonly string[]): string {
  return [`# ${title}`, `# ${columns}`, ...lines, ''].join('\n');
}

function linesOf(operation: Operation, time: (at: number) => string): string[] {
  const { start, end, outcome, reason, message, entries } = operation;
  const result = outcome === 'acknowledged' ? 'SUCCESS' : (message ?? reason ?? 'it was never answered');
  const took = end === Infinity ? '' : ((end - start) / 1000).toFixed(3);
  // Of a transaction that came to nothing, nobody knows what it would have written.
  const all = entries.length === 0 && outcome !== 'acknowledged' ? [undefined] : entries;
  return all.map((entry) =>
    [time(start), quoted(entry?.id ?? ''), entry?.hash ?? '', entry?.bytes ?? '', quoted(result), took].join(
      ',',
    ),
  );
}

/** A field as CSV has it. */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""').replaceAll(/\r?\n/g, ' ')}"` : text;
}
