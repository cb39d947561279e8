const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs work that cleans up once its own signal is aborted, before a signal of the process ends it. A
 * second signal of the process ends it at once.
 */
export async function interruptible<A>(run: (signal: AbortSignal) => Promise<A>): Promise<A> {
  const controller = new AbortController();
  const interrupt = () => {
    ignore();
    controller.abort();
  };
  const ignore = () => SIGNALS.forEach((name) => process.off(name, interrupt));
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await run(controller.signal);
  } finally {
    ignore();
  }
}
