import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import { expect, it } from "vitest";
import { listenProbes } from "../../adapters/http/server/listen-probes.ts";
import { freePort } from "../support/free-port.ts";
import { runToEnd, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

/** What an address answers, while this thread stands still until the answer has this status. */
function askFromElsewhere(address: string, status: number): unknown {
  const script = `
    for (;;) {
      const answer = await fetch(${JSON.stringify(address)}, { headers: { connection: "close" } });
      const text = await answer.text();
      if (answer.status === ${status}) {
        console.log(text);
        process.exit();
      }
    }`;
  const { stdout } = spawnSync("node", ["--input-type=module", "--eval", script], {
    encoding: "utf8",
    timeout: 120_000,
  });
  return JSON.parse(stdout);
}

it("probes are answered while the thread of the service stands still, and tell when it hangs", async () => {
  const port = await freePort();
  await listenProbes({ host: "127.0.0.1", port, isReady: async () => true });
  const at = (path: string) => `http://127.0.0.1:${port}${path}`;
  await until("readiness", async () => (await fetch(at("/readyz"))).ok);
  expect(askFromElsewhere(at("/healthz"), 200)).toEqual({ status: "ok" });
  expect(askFromElsewhere(at("/readyz"), 200)).toEqual({ status: "ok" });
  expect(askFromElsewhere(at("/healthz"), 503)).toEqual({ status: "hanging" });
  expect(askFromElsewhere(at("/readyz"), 503)).toEqual({ status: "hanging" });
  await until("the thread's next word", async () => (await fetch(at("/healthz"))).ok);
  expect((await fetch(at("/openapi.json"))).status).toBe(503);
});

it("the port of the probes tells health and readiness until the service has ended", async () => {
  const port = await freePort();
  const service = await startProcess({
    PROBE_PORT: String(port),
    SHUTDOWN_GRACE: "9 minutes",
    SHUTDOWN_TIMEOUT: "10 minutes",
  });
  const ask = async (path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined))?.status;
  const becomes = (path: string, status: number) =>
    until(`${status} of ${path}`, async () => (await ask(path)) === status);
  await becomes("/healthz", 200);
  await becomes("/readyz", 200);
  service.signal("SIGTERM");
  await becomes("/readyz", 503);
  expect(await ask("/healthz")).toBe(200);
  // Two within a tenth of a second count as one. At the end of its grace it would be 0.
  let code: number | null | undefined;
  void service.ended.then((ended) => (code = ended));
  await until("the end", () => {
    service.signal("SIGTERM");
    return code !== undefined;
  });
  expect(code).toBe(128 + constants.signals.SIGTERM);
  expect(await ask("/healthz")).toBeUndefined();
});

it("a port of the probes that is taken ends the start with a message that has the port", async () => {
  const port = String(await freePort());
  const refused = await runToEnd({ PORT: port, PROBE_PORT: port });
  expect([refused.code, refused.output]).toEqual([1, expect.stringContaining(`:${port}`)]);
});
