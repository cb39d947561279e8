import cluster from "node:cluster";

// The primary passes a worker's question to all, and each answer back to the one that asked: see
// `workers.ts`. These messages alone have `metrics`.

/** In milliseconds. */
const TIMEOUT = 1_000;

export interface MetricsMessage {
  readonly metrics: number;
  /** The worker that asked. */
  readonly asker: number;
  /** The answer of another one. */
  readonly text?: string;
}

export const isOfMetrics = (message: unknown): message is MetricsMessage =>
  typeof message === "object" && message !== null && "metrics" in message;

/** Answers what is asked of a worker, and returns what asks all `workers`. */
export function askAllWorkers(workers: number, own: () => string): () => Promise<string> {
  const me = cluster.worker?.id ?? 0;
  const waiting = new Map<number, (text: string) => void>();
  let last = 0;
  process.on("message", (message) => {
    if (!isOfMetrics(message)) return;
    const { metrics, asker, text } = message;
    if (text === undefined) send({ metrics, asker, text: own() });
    else if (asker === me) waiting.get(metrics)?.(text);
  });
  return async () => {
    const metrics = ++last;
    const texts: Array<string> = [];
    await new Promise<void>((resolve) => {
      setTimeout(resolve, TIMEOUT);
      waiting.set(metrics, (text) => {
        if (texts.push(text) === workers) resolve();
      });
      send({ metrics, asker: me });
    });
    waiting.delete(metrics);
    return mergeFamilies(texts);
  };
}

const send = (message: MetricsMessage) => void process.send?.(message);

/** Puts the series of a metric together: Prometheus reads one group for each. */
function mergeFamilies(texts: ReadonlyArray<string>): string {
  const families = new Map<string, string>();
  for (const text of texts) {
    for (const family of text.split(/^(?=# HELP )/m)) {
      const [, head = "", series = ""] = /^((?:#.*\n)*)([^]*)$/.exec(family) ?? [];
      families.set(head, `${families.get(head) ?? head}${series}`);
    }
  }
  return [...families.values()].join("");
}
