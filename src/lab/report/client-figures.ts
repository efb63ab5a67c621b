import type { OperationOutcome } from '../operations/operation.ts';
import type { Picture } from './picture.ts';

/** What one client did in a run. Times in microseconds. */
export interface ClientFigures {
  readonly client: string;
  readonly outcomes: Readonly<Record<OperationOutcome, number>>;
  readonly turns: number;
  readonly waited: number;
  readonly longestWait: number;
  readonly held: number;
  readonly longestHold: number;
}

type Sums = { -readonly [Name in keyof ClientFigures]: ClientFigures[Name] } & {
  outcomes: Record<OperationOutcome, number>;
};

export function clientFigures({ clients, operations, turns }: Picture): ClientFigures[] {
  const sums = new Map(clients.map((client) => [client, nothing(client)]));
  for (const { client, outcome } of operations) (sums.get(client) as Sums).outcomes[outcome]++;
  for (const { client, asked, from, to } of turns) {
    const sum = sums.get(client) as Sums;
    const [wait, hold] = [Math.max(0, from - asked), Math.max(0, to - from)];
    sum.turns++;
    sum.waited += wait;
    sum.held += hold;
    sum.longestWait = Math.max(sum.longestWait, wait);
    sum.longestHold = Math.max(sum.longestHold, hold);
  }
  return [...sums.values()];
}

function nothing(client: string): Sums {
  const outcomes = { acknowledged: 0, refused: 0, unknown: 0 };
  return { client, outcomes, turns: 0, waited: 0, longestWait: 0, held: 0, longestHold: 0 };
}
