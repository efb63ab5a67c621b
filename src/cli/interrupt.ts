const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Listens for Ctrl-C. */
export interface Interruption {
  /** Aborts at the first one: what is on its way may be finished. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  end(): void;
}

/** The second Ctrl-C ends the process at once. `lastly`: what is to be done then, when all else was. */
export function onInterrupt(lastly: () => void = () => {}): Interruption {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) {
      process.once('exit', lastly);
      process.exit(130);
    }
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    },
  };
}

/** Runs what the first Ctrl-C aborts. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = onInterrupt();
  try {
    return await work(interruption.signal);
  } finally {
    interruption.end();
  }
}
