import { printable } from '../../format/printable.ts';
import type { Picture } from './picture.ts';
import { type Lane, OUTCOMES } from './run-data.ts';
import { type Span, thinned } from './thinned.ts';

/** More lanes than that no screen shows. */
const MOST_LANES = 250;

interface Stay extends Span {
  readonly asked: number;
}

interface Flight extends Span {
  /** Place in OUTCOMES. */
  readonly outcome: number;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  /** Each client's lane. */
  readonly laneOf: ReadonlyMap<string, number>;
  readonly clientsPerLane: number;
  /** See `Thinned`: the wider of that of turns and that of operations. */
  readonly joinedWithin: number | undefined;
}

/** The picture's clients with at most so many bars in all. */
export function lanesOf({ clients, roles, turns, operations }: Picture, mostSpans: number): Lanes {
  const clientsPerLane = Math.max(1, Math.ceil(clients.length / MOST_LANES));
  const laneOf = new Map(clients.map((client, i) => [client, Math.floor(i / clientsPerLane)]));
  const empty = <S>() => Array.from({ length: Math.ceil(clients.length / clientsPerLane) }, (): S[] => []);
  const stays = empty<Stay>();
  for (const { client, asked, from, to } of turns)
    stays[laneOf.get(client) as number]?.push({
      asked: Math.min(Math.round(asked), Math.round(from)),
      from: Math.round(from),
      to: Math.round(Math.max(from, to)),
      joined: 1,
    });
  const flights = empty<Flight>();
  for (const { client, start, end, outcome } of operations)
    flights[laneOf.get(client) as number]?.push({
      from: Math.round(start),
      to: Math.round(end),
      outcome: OUTCOMES.indexOf(outcome),
      joined: 1,
    });
  const half = Math.floor(mostSpans / 2);
  const fewStays = thinned(stays, half, (a, b) => ({ ...a, ...together(a, b) }));
  const fewFlights = thinned(flights, half, (a, b) => ({
    ...together(a, b),
    outcome: Math.max(a.outcome, b.outcome),
  }));
  const within = [fewStays.within, fewFlights.within].filter((each) => each !== undefined);
  return {
    laneOf,
    clientsPerLane,
    joinedWithin: within.length > 0 ? Math.max(...within) : undefined,
    lanes: fewStays.lanes.map((stays, lane) => {
      const its = clients.slice(lane * clientsPerLane, (lane + 1) * clientsPerLane);
      return {
        name: nameOf(its),
        role: printable([...new Set(its.map((client) => roles.get(client) ?? ''))].join(', ')),
        turns: { ...rowOf(stays), waited: stays.map(({ from, asked }) => from - asked) },
        operations: flightsOf(fewFlights.lanes[lane] ?? []),
      };
    }),
  };
}

function together(a: Span, b: Span): Span {
  return { from: a.from, to: Math.max(a.to, b.to), joined: a.joined + b.joined };
}

function nameOf(clients: readonly string[]): string {
  const [first = '', last] = [clients[0], clients.length > 1 ? clients.at(-1) : undefined];
  return printable(last === undefined ? first : `${first} to ${last}`);
}

function flightsOf(flights: readonly Flight[]): Lane['operations'] {
  return { ...rowOf(flights), outcome: flights.map(({ outcome }) => outcome).join('') };
}

function rowOf(spans: readonly Span[]) {
  return {
    gap: spans.map(({ from }, i) => from - (spans[i - 1]?.from ?? 0)),
    length: spans.map(({ from, to }) => to - from),
    ...(spans.some(({ joined }) => joined > 1) && { joined: spans.map(({ joined }) => joined) }),
  };
}
