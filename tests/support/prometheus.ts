import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { makeFolder } from "./make-folder.ts";
import { until } from "./until.ts";

/** A series, and its value at the time of the query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** Starts a real Prometheus with these rules, which reads a service each for jobs by name. */
export async function startPrometheus({
  path,
  rules,
  jobs,
}: {
  readonly path: string;
  readonly rules: string;
  /** Addresses. */
  readonly jobs: Readonly<Record<string, string>>;
}) {
  const folder = makeFolder();
  const port = await freePort();
  const config = {
    global: { scrape_interval: "250ms", scrape_timeout: "250ms", evaluation_interval: "250ms" },
    rule_files: [join(folder, "rules.yaml")],
    scrape_configs: Object.entries(jobs).map(([job_name, address]) => ({
      job_name,
      static_configs: [{ targets: [new URL(address).host] }],
    })),
  };
  writeFileSync(join(folder, "rules.yaml"), rules);
  // JSON is YAML too.
  writeFileSync(join(folder, "prometheus.yaml"), JSON.stringify(config));
  const child = spawn(
    path,
    [
      `--config.file=${join(folder, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
  const exited = once(child, "exit");
  const ask = async (path: string, query: Readonly<Record<string, string>>): Promise<unknown> => {
    const url = `http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(query)}`;
    const answer = await (await fetch(url)).json();
    if (answer.status !== "success") throw new Error(`${query["query"]}: ${answer.error}`);
    return answer.data;
  };
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await until("the start of Prometheus", async () => {
      if (child.exitCode !== null) throw new Error("prometheus has ended");
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
    });
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    query: async (query: string): Promise<ReadonlyArray<Sample>> => {
      const data = (await ask("query", { query })) as { result: ReadonlyArray<Sample> };
      return data.result;
    },
    stop,
  };
}
