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
