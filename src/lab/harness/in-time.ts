export interface Bounds {
  /** What the work is, at the beginning of a sentence. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves or rejects as the work does; or rejects once that takes too long, and with the signal's reason where that
 * comes first. Nothing can end the work itself then: it may keep this process going.
 */
export async function inTime<T>(work: Promise<T>, { what, timeoutMs, signal }: Bounds): Promise<T> {
  let giveUp = () => {};
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(signal?.reason);
    timer = setTimeout(() => reject(new Error(`${what} was still at work after ${timeoutMs} ms`)), timeoutMs);
  });
  if (signal?.aborted) giveUp();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}
