import type { Clock } from '../clock/clock.ts';
import type { Meta } from '../format/meta.ts';
import type { Storage } from '../storage/storage.ts';
import { compactedError } from '../store/refusals.ts';
import type { Salvaged } from '../store/store.ts';
import { Rebuild, type RebuildSink } from './rebuild.ts';
import { snapshotsFor } from './salvage-snapshots.ts';
import { surveySegments } from './survey.ts';

interface Parts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  readonly meta: Meta;
}

/** Steps between two turns of the event loop. */
const TURN_STEPS = 500;
/** The writer name of lines that are not written anywhere. */
const SESSION = '00000000';

/**
 * Yields what a salvage would make of the log, from the same code, but without writing. See `LogFiles` in
 * store/store.ts.
 */
export async function* salvagedIn(
  { storage, clock, directory, meta }: Parts,
  from: number | undefined,
): AsyncGenerator<Salvaged, void, undefined> {
  const survey = await surveySegments(storage, clock, directory);
  const { headers: snapshots, damaged } = await snapshotsFor(storage, clock, directory, meta.id, survey);
  let made: Salvaged[] = [];
  let first: number | undefined;
  const sink: RebuildSink = {
    segment: (firstSeq) => {
      first ??= firstSeq;
    },
    line: () => {},
    kept: (line, body, seq) => made.push({ kind: 'line', line, body, seq }),
    lost: (range) => made.push({ kind: 'lost', range }),
  };
  const parts = { storage, clock, directory, survey, snapshots, damaged, traits: meta, session: SESSION };
  const steps = new Rebuild({ ...parts, sink, onProgress: () => {} }).steps();
  try {
    for (let isDone: boolean | undefined = false; !isDone; ) {
      for (let i = 0; i < TURN_STEPS && !isDone; i++) isDone = steps.next().done;
      if (first !== undefined && from !== undefined && from > 0 && from < first)
        throw compactedError(from, first);
      yield* made;
      made = [];
      await clock.yield();
    }
  } finally {
    steps.return?.(undefined as never);
  }
}
