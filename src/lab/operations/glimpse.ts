import type { Operation, Sight } from './operation.ts';

/** How far the log had come at some moment of an operation, as that tells. */
export interface Glimpse {
  readonly operation: Operation;
  /** An entry that was there, with all that precede it; 0: it tells of none. */
  readonly there: number;
  /** The first that was not there yet; Infinity where it does not tell. */
  readonly notYet: number;
  /** That of the line where the log ended then, where it was told. */
  readonly crc: string | undefined;
}

/** What readers tell, where what they read has numbers. */
export function glimpsesOf({
  reads,
  oldest,
}: {
  readonly reads: readonly Operation[];
  readonly oldest: number;
}): Glimpse[] {
  const glimpses: Glimpse[] = [];
  for (const operation of reads) {
    const saw = operation.saw as Sight;
    if ('from' in saw) {
      const { from, to, toEnd } = saw;
      // Where all that it knew of had been compacted away, it saw nothing, and need not have missed anything.
      if (to < from && (oldest > 1 || !toEnd)) continue;
      glimpses.push({ operation, there: to, notYet: toEnd ? to + 1 : Infinity, crc: undefined });
    } else if (saw.seq !== undefined)
      glimpses.push({ operation, there: saw.seq, notYet: saw.seq + 1, crc: saw.crc });
  }
  return glimpses;
}

/** What conflicts tell, where they say where the log ended. */
export function conflictGlimpsesOf({ conflicts }: { readonly conflicts: readonly Operation[] }): Glimpse[] {
  return conflicts.flatMap((operation) => {
    if (operation.head === undefined) return [];
    const { seq, crc } = operation.head;
    return [{ operation, there: seq, notYet: seq + 1, crc }];
  });
}
