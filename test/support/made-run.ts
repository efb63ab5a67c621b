import type { Operation } from '../../src/lab/operations/operation.ts';
import type { Mark, Turn } from '../../src/lab/operations/run-record.ts';
import type { ReportRun } from '../../src/lab/report/run-section.ts';
import { latencyOf } from '../../src/lab/result.ts';
import { seeded } from '../../src/lab/seeded.ts';

export interface MadeRun {
  readonly clients: readonly string[];
  /** Of each client. */
  readonly operations: number;
  /** Kills, each with a restart. */
  readonly kills?: number;
  readonly id?: string;
  /** Of every tenth operation, which is refused. */
  readonly message?: string;
  readonly seed?: number;
}

/** A run that never was, in which the clients take the write turn one after the other. */
export function madeRun({
  clients,
  operations: number,
  kills = 0,
  id = 'bd',
  message = 'somebody came first',
  seed = 1,
}: MadeRun): ReportRun {
  const dice = seeded(seed);
  const start = 5e9;
  const free = clients.map(() => start);
  const operations: Operation[] = [];
  const turns: Turn[] = [];
  let turnFree = start;
  for (let i = 0; i < number * clients.length; i++) {
    const place = i % clients.length;
    const client = clients[place] as string;
    const called = (free[place] as number) + 100 + dice() * 1000;
    const asked = called + 50;
    const from = Math.max(asked, turnFree);
    turnFree = from + 20 + dice() * 60;
    const end = turnFree + 100 + 2000 * dice() ** 3;
    free[place] = end;
    turns.push({ client, asked, from, to: turnFree });
    operations.push({
      client,
      run: 0,
      number: Math.floor(i / clients.length),
      kind: 'append',
      start: called,
      end,
      entries: [{ op: 'add', id: `${id}-${i}`, sum: 1 }],
      ...(i % 10 === 9
        ? { outcome: 'refused', reason: 'conflict', message }
        : { outcome: 'acknowledged', seq: i + 1 }),
    });
  }
  const marks = Array.from({ length: kills }, (): Mark[] => {
    const client = clients[Math.floor(dice() * clients.length)] as string;
    const at = start + dice() * (turnFree - start);
    return [
      { at, kind: 'killed', client },
      { at: at + 500, kind: 'restarted', client },
    ];
  }).flat();
  const refused = operations.filter(({ outcome }) => outcome === 'refused').length;
  return {
    record: {
      start,
      roles: new Map(clients.map((client) => [client, 'writer'])),
      operations,
      turns,
      marks: marks.sort((a, b) => a.at - b.at),
    },
    result: {
      scenario: 'made-up',
      settings: {
        target: 'jsonl-wal',
        lock: 'kernel',
        as: 'processes',
        clients: clients.length,
        iterations: number,
        params: {},
        seed,
      },
      ok: true,
      slow: false,
      checks: [],
      results: [],
      operations: { acknowledged: operations.length - refused, refused, unknown: 0 },
      writes: latencyOf(operations.map(({ start, end }) => (end - start) / 1000)),
      reads: latencyOf([]),
      seconds: (turnFree - start) / 1e6,
      interrupted: false,
      directory: undefined,
    },
  };
}
