import { type Profiler, Session } from "node:inspector";

/** What ran since the last look. */
export interface Coverage {
  /** Blocks of functions that ran, each with the magnitude of how often. */
  readonly reached: ReadonlyArray<string>;
  /** How often blocks ran, all together: a measure of work that no busy machine changes. */
  readonly work: number;
}

/** Watches scripts whose URL `isWatched`, by V8's own counts of each block. */
export function watchCoverage(isWatched: (url: string) => boolean): () => Coverage {
  const session = new Session();
  session.connect();
  const post = <Method extends "Profiler.enable" | "Profiler.takePreciseCoverage">(
    method: Method,
    parameters: object = {},
  ): unknown => {
    let outcome: unknown;
    // In the same thread it is called back at once.
    session.post(method, parameters as never, (fault: Error | null, result?: unknown) => {
      if (fault !== null) throw fault;
      outcome = result;
    });
    return outcome;
  };
  post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const take = (): Coverage => {
    const { result } = post(
      "Profiler.takePreciseCoverage",
    ) as Profiler.TakePreciseCoverageReturnType;
    const reached: Array<string> = [];
    let work = 0;
    for (const { scriptId, url, functions } of result) {
      if (!isWatched(url)) continue;
      for (const { ranges } of functions) {
        if (ranges[0]?.count === 0) continue;
        for (const { startOffset, endOffset, count } of ranges) {
          work += count;
          // A block that ran as often as the one around it is not listed, so that what did not run
          // says most: with more that ran, it is another part of the function.
          const magnitude = count === 0 ? "none" : Math.ceil(Math.log2(count) / 2);
          reached.push(`${scriptId}:${startOffset}-${endOffset}:${magnitude}`);
        }
      }
    }
    return { reached, work };
  };
  take();
  return take;
}
