import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { answerWith, type Fault, startFaultyServer } from "../support/faulty-server.ts";
import { isFullRun } from "../support/full-run.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { client, minio, MINIO } from "./waiting-service.ts";

/** Requests a second to a service, over all its organizations. */
const RATE = 200;
const SECONDS = isFullRun ? 60 : 8;

const FAILED = "503 STORE_UNAVAILABLE";
const PAGE = "<!DOCTYPE html><title>Sign in</title><p>Please sign in to the network.";

/** What a store does in the place of its answer, and what comes of a confirm there. */
const BAD: Readonly<Record<string, { readonly fault?: Fault; readonly confirm: string }>> = {
  down: { confirm: FAILED },
  slow: {
    confirm: "200",
    fault: async (response, _, pass) => {
      const answer = await pass();
      await pause(1_000);
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    },
  },
  hanging: { confirm: FAILED, fault: () => undefined },
  senseless: {
    confirm: FAILED,
    fault: answerWith(200, { "content-type": "text/html" }, PAGE),
  },
  redirecting: {
    confirm: FAILED,
    fault: (response, { url = "" }) => void response.writeHead(302, { location: url }).end(),
  },
};
const GOOD = ["good-1", "good-2"];
const NAMES = [...GOOD, ...Object.keys(BAD)];

it("a store that is down, slow, answers nonsense or redirects harms its own organization alone", async () => {
  const buckets = GOOD.map((name) => `${name}-${crypto.randomUUID()}`);
  for (const bucket of buckets) await client.makeBucket(bucket);
  const endpoints = await Promise.all(
    Object.entries(BAD).map(async ([name, { fault }]) => {
      if (fault === undefined) return [name, `http://127.0.0.1:${await freePort()}`] as const;
      const server = await startFaultyServer(MINIO);
      atTestEnd(server.close);
      server.state.fault = fault;
      return [name, server.url.origin] as const;
    }),
  );
  const start = (bad: ReadonlyMap<string, string>) => {
    const stores = NAMES.map((name, index) => [
      name,
      {
        adapter: "minio",
        endpoint: bad.get(name) ?? MINIO.origin,
        bucket: buckets[index % buckets.length],
        access_key: minio?.accessKey,
        secret_key: { variable: "SECRET_OF_STORES" },
      },
    ]);
    return startProcess({
      STORES: JSON.stringify({
        stores: Object.fromEntries(stores),
        organizations: Object.fromEntries(NAMES.map((name) => [name, name])),
      }),
      SECRET_OF_STORES: minio?.secretKey ?? "",
    });
  };
  // Both at the same time, so that a busy machine is the same for both.
  const services = [await start(new Map(endpoints)), await start(new Map())];
  // A store that harms others does so each time; one process that had to wait does not.
  const beside = await until("times as without bad stores", async () => {
    const [run = [], usual = []] = await drive(services);
    return (
      GOOD.flatMap((name) => [0.5, 0.95].map((share) => compare(run, usual, name, share))).every(
        (ratio) => ratio < 2,
      ) && run
    );
  });
  for (const name of GOOD) {
    expect([name, ...answersOf(beside, name)]).toEqual([name, "confirm 200", "presign 200"]);
  }
  for (const [name, { confirm }] of Object.entries(BAD)) {
    expect([name, ...answersOf(beside, name)]).toEqual([name, `confirm ${confirm}`, "presign 200"]);
  }
  expect(await notReady(services[1])).toBeUndefined();
  const failing = Object.keys(BAD).filter((name) => BAD[name]?.confirm === FAILED);
  const named = async () =>
    [...(await notReady(services[0])).matchAll(/(?:^|, )([\w-]+) \(/g)].map(([, name]) => name);
  await expect.poll(async () => (await named()).toSorted()).toEqual(failing.toSorted());
  const log = services[0]?.output() ?? "";
  for (const name of failing) {
    const lines = log
      .split("\n")
      .filter((line) => line.includes(`the store ${name} is not ready"`));
    const reasons = lines.map((line) => JSON.parse(line).reason);
    // Told once, and again only if it is another: a busy machine may be too late for a look.
    expect([name, reasons.length > 0]).toEqual([name, true]);
    expect([name, reasons.filter((each, at) => each === reasons[at - 1])]).toEqual([name, []]);
  }
  for (const service of services) expect(await service.stop()).toBe(0);
});

/** Each answer, such as `presign 200`, with its organization and its milliseconds. */
type Run = ReadonlyArray<{
  readonly name: string;
  readonly answer: string;
  readonly milliseconds: number;
}>;

/**
 * Sends all services the same requests, at most at that rate. Those to good stores are waited for, so
 * that a busy machine gets fewer and not a queue of its own.
 */
async function drive(services: ReadonlyArray<ServiceProcess>): Promise<ReadonlyArray<Run>> {
  const clients = await Promise.all(services.map(clientOf));
  const begin = performance.now();
  for (let round = 0; round < (RATE * SECONDS) / NAMES.length; round++) {
    const due = begin + (round * NAMES.length * 1_000) / RATE;
    await pause(Math.max(0, due - performance.now()));
    await Promise.all(clients.map(({ send }) => send(round)));
  }
  return Promise.all(clients.map(({ run }) => run()));
}

/** Uploads a file to each store that takes any, and makes what sends a request of each kind. */
async function clientOf(service: ServiceProcess) {
  const receipts = new Map(
    await Promise.all(NAMES.map(async (name) => [name, await upload(service, name)] as const)),
  );
  const sent: Array<Promise<Run[number]>> = [];
  const sendTo = async (name: string, round: number) => {
    const at = performance.now();
    const isConfirm = round % 4 !== 0;
    const answer = await (isConfirm
      ? ask(service, name, "confirm", { receipt: receipts.get(name) })
      : ask(service, name, "presign", FILE));
    const { code = "" } = await answer.json();
    return {
      name,
      answer: `${isConfirm ? "confirm" : "presign"} ${answer.status} ${code}`.trimEnd(),
      milliseconds: performance.now() - at,
    };
  };
  return {
    run: () => Promise.all(sent),
    send: async (round: number) => {
      const all = NAMES.map((name) => sendTo(name, round));
      sent.push(...all);
      await Promise.all(all.slice(0, GOOD.length));
    },
  };
}

const FILE = { filename: "a.txt", content_type: "text/plain", size: 5 };

const ask = (
  { address, token }: ServiceProcess,
  organization: string,
  path: string,
  body: object,
) =>
  fetch(`${address}/api/v1/orgs/${organization}/files/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });

/** Uploads a file, if its store takes any, and returns its receipt. */
async function upload(service: ServiceProcess, organization: string): Promise<string> {
  const granted = await (await ask(service, organization, "presign", FILE)).json();
  if (BAD[organization]?.confirm !== FAILED) {
    const init = { method: "PUT", headers: granted.put_headers, body: "hello" };
    expect((await fetch(granted.put_url, init)).status).toBe(200);
  }
  return granted.receipt;
}

/** The answers to an organization, but for those that are rare: a busy machine may be too late. */
function answersOf(run: Run, name: string): ReadonlyArray<string> {
  const own = run.filter((each) => each.name === name);
  return [...Map.groupBy(own, ({ answer }) => answer)]
    .flatMap(([answer, same]) => (same.length > own.length / 20 ? [answer] : []))
    .toSorted();
}

/** How many times as long this share of the requests took, which is printed. */
function compare(run: Run, usual: Run, name: string, share: number): number {
  const time = quantile(run, name, share);
  const ratio = time / quantile(usual, name, share);
  process.stdout.write(
    `${name}: ${share * 100} of 100 requests within ${time.toFixed(1)} ms, ${ratio.toFixed(2)} times as long as without bad stores\n`,
  );
  return ratio;
}

function quantile(run: Run, name: string, share: number): number {
  const times = run.filter((each) => each.name === name).map(({ milliseconds }) => milliseconds);
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
}

const notReady = async ({ address }: ServiceProcess = { address: "" } as ServiceProcess) =>
  (await (await fetch(`${address}/readyz`)).json()).parts.stores?.reason;
