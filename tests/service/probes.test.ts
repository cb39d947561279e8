import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listenProbes } from "../../adapters/http/server/listen-probes.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { runToEnd, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

/**
 * Asks from another process, which runs already: what is answered while this thread stands still,
 * first with 200 and then with 503; nothing if a busy machine was too late for the first.
 */
async function askFromElsewhere(addresses: ReadonlyArray<string>): Promise<unknown> {
  const folder = makeFolder();
  const [runs, begin, told] = ["runs", "begin", "told"].map((name) => join(folder, name));
  const script = `
    import { existsSync, renameSync, writeFileSync } from "node:fs";
    import { setTimeout } from "node:timers/promises";
    const ask = async (address, status) => {
      for (;;) {
        const answer = await fetch(address, { headers: { connection: "close" } });
        const text = await answer.text();
        if (answer.status === status) return JSON.parse(text);
        if (answer.status === 503) tell(null);
      }
    };
    const tell = (answers) => {
      writeFileSync(begin, JSON.stringify(answers));
      renameSync(begin, told);
      process.exit();
    };
    const answers = [];
    const [runs, begin, told, ...addresses] = ${JSON.stringify([runs, begin, told, ...addresses])};
    await ask(addresses[0], 200);
    writeFileSync(runs, "");
    while (!existsSync(begin)) await setTimeout(10);
    for (const status of [200, 503])
      for (const address of addresses) answers.push(await ask(address, status));
    tell(answers);`;
  const child = spawn("node", ["--input-type=module", "--eval", script]);
  atTestEnd(() => child.kill("SIGKILL"));
  await until("the other process", () => existsSync(`${runs}`));
  writeFileSync(`${begin}`, "");
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (child.exitCode === null && !existsSync(`${told}`)) Atomics.wait(never, 0, 0, 50);
  return JSON.parse(readFileSync(`${told}`, "utf8"));
}

it("probes are answered while the thread of the service stands still, and tell when it hangs", async () => {
  const port = await freePort();
  await listenProbes({ host: "127.0.0.1", port, isReady: async () => true });
  const at = (path: string) => `http://127.0.0.1:${port}${path}`;
  await until("readiness", async () => (await fetch(at("/readyz"))).ok);
  const addresses = [at("/healthz"), at("/readyz")];
  expect(await until("answers in time", () => askFromElsewhere(addresses))).toEqual([
    { status: "ok" },
    { status: "ok" },
    { status: "hanging" },
    { status: "hanging" },
  ]);
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
