import autocannon from "autocannon";
import { type ChildProcess, spawn } from "node:child_process";
import { freePort } from "../support/free-port.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { compare } from "./rounds.ts";

const BODY = JSON.stringify({ filename: "a.png", content_type: "image/png", size: 123_456 });

/** Requests a second over loopback sockets, each server in a process of its own. */
export async function benchPresign(): Promise<void> {
  const service = await startProcess({ LOG_LEVEL: "warn" });
  const others = await Promise.all(["echo", "by-hand"].map(startOther));
  try {
    const path = "/api/v1/orgs/acme/files/presign";
    await compare(
      "POST …/presign, 32 connections",
      [
        { name: "valetkey", run: load(`${service.address}${path}`, service.token) },
        ...others.map(({ name, address }) => ({ name, run: load(`${address}${path}`, "x") })),
      ],
      5,
    );
  } finally {
    await service.stop();
    for (const { child } of others) child.kill();
  }
}

async function startOther(
  name: string,
): Promise<{ readonly name: string; readonly address: string; readonly child: ChildProcess }> {
  const port = String(await freePort());
  const script = new URL(`./${name}.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, [script, port], { stdio: "inherit" });
  const address = `http://127.0.0.1:${port}`;
  await until(`the start of ${name}`, async () =>
    (await fetch(address)).status ? true : undefined,
  );
  return { name, address, child };
}

const load = (url: string, token: string) => async (): Promise<number> => {
  const result = await autocannon({
    url,
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: BODY,
    connections: 32,
    duration: 3,
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url} failed under load`);
  return result.requests.average;
};
