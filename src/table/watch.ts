import type { Clock } from '../clock/clock.ts';
import { hasCode } from '../errors/errors.ts';
import type { LineStore } from '../store/store.ts';
import { difference } from './difference.ts';
import type { Change } from './overlay.ts';
import type { Replica, Watcher } from './replica.ts';

interface WatchParts {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly access: { note<T>(task: Promise<T>): Promise<T> };
}

/** How long a watcher waits for what looks damaged at the end of the log to become whole. */
const DOUBT_MS = 1000;

/** The changes from this call on, until `signal` aborts. */
export function watchChanges<V>(
  parts: WatchParts,
  replica: Replica<V>,
  signal: AbortSignal,
): AsyncGenerator<Change<V>, void, undefined> {
  let changes: Change<V>[] = [];
  let failure: unknown;
  const watcher: Watcher<V> = {
    changed(more) {
      for (const change of more) changes.push(change);
    },
    reloaded(before, after) {
      try {
        this.changed(difference(before, after, after.seq));
      } catch (error) {
        // The state before can no longer be read, so what changed is not known.
        failure = error;
      }
    },
  };
  const end = () => replica.watchers.delete(watcher);
  // Lines that are buffered already are not among the changes to come.
  replica.foldIn();
  replica.watchers.add(watcher);
  signal.addEventListener('abort', end, { once: true });
  const next = async () => {
    await refreshPatiently(parts, replica, signal);
    if (failure !== undefined) throw failure;
    const taken = changes;
    changes = [];
    return taken;
  };
  return deliver(parts, next, signal, end);
}

async function* deliver<V>(
  { store }: WatchParts,
  next: () => Promise<Change<V>[]>,
  signal: AbortSignal,
  end: () => void,
): AsyncGenerator<Change<V>, void, undefined> {
  const watch = store.watch();
  try {
    while (!signal.aborted) {
      const changes = await next();
      for (const change of changes) {
        if (signal.aborted) return;
        yield change;
      }
      if (changes.length === 0 && !signal.aborted) await watch.changed(signal);
    }
  } finally {
    watch.close();
    end();
  }
}

async function refreshPatiently<V>(
  { clock, access }: WatchParts,
  replica: Replica<V>,
  signal: AbortSignal,
): Promise<void> {
  for (let doubted = false; !signal.aborted; doubted = true) {
    try {
      return await access.note(replica.refresh());
    } catch (error) {
      if (signal.aborted) return;
      if (doubted || !hasCode(error, 'ERR_WAL_CORRUPT')) throw error;
      await clock.sleep(DOUBT_MS, signal);
    }
  }
}
