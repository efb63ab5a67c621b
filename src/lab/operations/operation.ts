/** What a client does to a store. `look`: reads the state. */
export type OperationKind = 'append' | 'batch' | 'transaction' | 'read' | 'look' | 'compact' | 'open';

/** acknowledged: it was done. refused: nothing was written. unknown: it may have been written, or the client never told. */
export type OperationOutcome = 'acknowledged' | 'refused' | 'unknown';

/** The reason of what was made to fail. */
export const SIMULATED = 'simulated';

/** An entry as its writer remembers it. */
export interface Written {
  readonly op: string;
  readonly id: string;
  /** `entrySum` of it. */
  readonly sum: number;
  /** `contentOf` its data, where asked for. */
  readonly hash?: string;
  readonly bytes?: number;
}

/** Where a log ends: the number of its last entry, and the crc of that one's line, where it is told. */
export interface Head {
  readonly seq: number;
  readonly crc?: string | undefined;
}

/**
 * On what condition an append was to be done: that the log ends at `seq`, with `crc` where one was given; or that its id is as it was
 * seen, at `rev`, written by `from` (`null`: it was not there).
 */
export interface Expected {
  readonly seq?: number | undefined;
  readonly crc?: string | undefined;
  readonly rev?: number | undefined;
  readonly from?: string | null | undefined;
}

/** What a reader saw. */
export type Sight = RangeSight | StateSight;

/** Of a reading: entries `from` to `to`, and the `rangeSum` of them. `to` is `from - 1` where there were none. */
export interface RangeSight {
  readonly from: number;
  readonly to: number;
  readonly sum: number;
  /** True where it read as far as there was something to read. */
  readonly toEnd: boolean;
  /** The numbers were not one after the other, from the one that was asked for. */
  readonly gap?: true;
}

/** Of a look at the state, as of entry `seq`, where the store has numbers; or at the head alone. */
export interface StateSight {
  readonly seq?: number | undefined;
  /** Of that entry's line, where it was told. */
  readonly crc?: string | undefined;
  /** Each id it looked for, who had written it last (see `tagOf`; null: it was not there), and its rev, where it has one. */
  readonly items: readonly (readonly [id: string, by: string | null, rev?: number])[];
}

/** What a client did, as it tells it itself. Times are of `instant()`. */
export interface Operation {
  readonly client: string;
  /** Which of the client's processes, one after the other. */
  readonly run: number;
  /** Counts the run's operations, from 0, in the order of their calls. */
  readonly number: number;
  /** Which of the client's steps it belongs to. */
  readonly step?: number | undefined;
  /** Which of the stores that the run opened, from 0. Default 0. */
  readonly store?: number | undefined;
  readonly kind: OperationKind;
  /** Taken before the call. */
  readonly start: number;
  /** Taken after it was answered; Infinity where it never was. */
  readonly end: number;
  readonly outcome: OperationOutcome;
  /** What it wrote, or tried to. Of a transaction that was never answered, nobody knows. */
  readonly entries: readonly Written[];
  readonly expect?: Expected | undefined;
  /** The idempotency key of all that it wrote. */
  readonly key?: string | undefined;
  /** Number of the first entry, where the store told it. */
  readonly seq?: number | undefined;
  /** It wrote nothing: `seq` is that of an earlier append with its key. */
  readonly duplicate?: true | undefined;
  /** Of a conflict: where the log ended, and the rev that the id had, where the store told them. */
  readonly head?: Head | undefined;
  readonly rev?: number | undefined;
  readonly saw?: Sight | undefined;
  /** Why it was refused, or is unknown: one word, and in full. */
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

/**
 * An operation that nobody answered, but for what is known of it. It has a place for whatever it may have: a million that are all of
 * one shape take a third of the time to look at.
 */
export function operationOf({
  client,
  run,
  number,
  step,
  store,
  kind,
  start,
  end = Infinity,
  outcome = 'unknown',
  entries = [],
  expect,
  key,
  seq,
  duplicate,
  head,
  rev,
  saw,
  reason,
  message,
}: Pick<Operation, 'client' | 'run' | 'number' | 'kind' | 'start'> & Partial<Operation>): Operation {
  return {
    client,
    run,
    number,
    step,
    store,
    kind,
    start,
    end,
    outcome,
    entries,
    expect,
    key,
    seq,
    duplicate,
    head,
    rev,
    saw,
    reason,
    message,
  };
}

export function isWriting({ kind }: Pick<Operation, 'kind'>): boolean {
  return kind === 'append' || kind === 'batch' || kind === 'transaction';
}

export function isReading({ kind }: Pick<Operation, 'kind'>): boolean {
  return kind === 'read' || kind === 'look';
}

/** Who wrote an entry: stands in its data as `by`. The first entry of an operation bears the operation's own tag. */
export function tagOf(
  { client, run, number }: Pick<Operation, 'client' | 'run' | 'number'>,
  entry = 0,
): string {
  return entry === 0 ? `${client}.${run}.${number}` : `${client}.${run}.${number}.${entry}`;
}

/** The tag in an entry's data; undefined where there is none. */
export function writerOf(data: unknown): string | undefined {
  const by = (data as { by?: unknown } | null | undefined)?.by;
  return typeof by === 'string' ? by : undefined;
}
