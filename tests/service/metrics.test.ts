import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exchange } from "../attacks/raw-request.ts";
import { answerOf as ask, upload } from "../support/ask.ts";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

const promtool = await need("promtool");

const TOKEN = "a-token-of-a-reader-0123";
const POLICIES = JSON.stringify({ files: {}, videos: { allowed_types: ["video/*"] } });

/** The sum of a metric's series that have these labels; undefined if there are none. */
function sumOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}) {
  const values = text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) =>
      Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
    )
    .map((line) => Number(line.split(" ").at(-1)));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}

const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

const scrape = async (address: string, headers: Readonly<Record<string, string>> = AUTHORIZED) => {
  const answer = await fetch(`${address}/metrics`, { headers });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
};

const FILE = { filename: "a.txt", content_type: "text/plain", size: 5 };
const VIDEO = { filename: "a.mp4", content_type: "video/mp4", size: 7, policy: "videos" };

const send = async (service: ServiceProcess) => (await upload(service)).receipt;

it("a scrape without the token, or with another, is 401 and has no metrics", async () => {
  const service = await startProcess({ METRICS_TOKEN: TOKEN });
  for (const authorization of [
    "",
    `Bearer ${TOKEN}x`,
    `Basic ${TOKEN}`,
    `Bearer ${service.token}`,
  ]) {
    const { status, text, headers } = await scrape(service.address, { authorization });
    expect([authorization, status]).toEqual([authorization, 401]);
    expect(headers.get("www-authenticate")).toContain("Bearer");
    expect(text).not.toContain("TYPE");
  }
  const { status, text } = await scrape(service.address);
  expect([status, sumOf(text, "valetkey_build_info")]).toEqual([200, 1]);
  expect(text).toMatch(/valetkey_build_info\{.*store="local"/);
  await service.stop();
});

it.each([
  [{}, 200],
  [{ METRICS_TOKEN: TOKEN }, 401],
])(
  "METRICS_PORT has the metrics alone, and the service's port has none, with %j",
  async (env, status) => {
    const port = await freePort();
    const service = await startProcess({ ...env, METRICS_PORT: String(port) });
    const own = `http://127.0.0.1:${port}`;
    expect((await scrape(own, {})).status).toBe(status);
    expect((await scrape(own)).status).toBe(200);
    expect((await scrape(service.address)).status).toBe(404);
    expect((await fetch(`${own}/healthz`)).status).toBe(404);
    await service.stop();
  },
);

describe("with METRICS_TOKEN", () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await startProcess({
      METRICS_TOKEN: TOKEN,
      STORAGE_POLICIES: POLICIES,
      LIMIT_REQUESTS_PER_SUBJECT: "1000 per minute",
    });
  });
  afterAll(() => service.stop());

  it("uploads that were granted and never confirmed show by policy, and confirming again does not hide them", async () => {
    const first = (await scrape(service.address)).text;
    // Zero from the start, or the first ones would be no increase.
    for (const policy of ["files", "videos"]) {
      expect(sumOf(first, "valetkey_uploads_granted_total", { policy })).toBe(0);
      expect(sumOf(first, "valetkey_uploads_confirmed_total", { policy })).toBe(0);
    }
    const receipt = await send(service);
    await send(service);
    expect((await ask(service, "batch", { files: [VIDEO, VIDEO] })).status).toBe(200);
    for (let times = 0; times < 3; times++) {
      expect((await ask(service, "confirm", { receipt })).status).toBe(200);
    }
    const { text } = await scrape(service.address);
    const by = (name: string, policy: string) => sumOf(text, `valetkey_${name}`, { policy });
    expect([by("uploads_granted_total", "files"), by("uploads_confirmed_total", "files")]).toEqual([
      2, 1,
    ]);
    expect([by("granted_bytes_total", "files"), by("confirmed_bytes_total", "files")]).toEqual([
      10, 5,
    ]);
    expect([
      by("uploads_granted_total", "videos"),
      by("uploads_confirmed_total", "videos"),
    ]).toEqual([2, 0]);
    expect(by("confirm_delay_seconds_count", "files")).toBe(1);
    expect(sumOf(text, "valetkey_store_calls_total", { call: "head", outcome: "ok" })).toBe(3);
    expect(sumOf(text, "valetkey_decisions_total", { action: "confirm", policy: "files" })).toBe(3);
  });

  it.skipIf(promtool === undefined)("promtool finds no fault with a scrape", async () => {
    const granted = async () => {
      const { text } = await scrape(service.address);
      return sumOf(text, "valetkey_limiter_decisions_total", { outcome: "granted" }) ?? NaN;
    };
    const before = await granted();
    const receipt = await send(service);
    await ask(service, "confirm", { receipt });
    await ask(service, "presign", { ...FILE, size: -1 });
    expect((await granted()) - before).toBe(3);
    const { text } = await scrape(service.address);
    expect(sumOf(text, "nodejs_eventloop_delay_p99_seconds")).toBeGreaterThanOrEqual(0);
    // It exits with a failure for what it would have otherwise.
    execFileSync(promtool ?? "", ["check", "metrics"], { input: text });
  });

  it("nothing that a request says becomes a label", async () => {
    const word = "w0rd";
    await ask(service, "presign", { ...FILE, policy: word, filename: `${word}.txt` });
    await ask(service, word, FILE);
    await fetch(`${service.address}/${word}?${word}=${word}`, {
      headers: { [word]: word, "user-agent": word },
    });
    await fetch(`${service.address}/f/${word}`);
    const unknown = await fetch(`${service.address}/api/v1/orgs/${word}/files/presign`, {
      method: "POST",
    });
    expect(unknown.status).toBe(401);
    const { text } = await scrape(service.address);
    expect(text).not.toContain(word);
  });

  it("a method that HTTP does not know has no series of its own", async () => {
    const { host } = new URL(service.address);
    await exchange(service.address, [
      `PROPFIND / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    ]);
    const { text } = await scrape(service.address);
    const labels = { http_request_method: "_OTHER" };
    expect(sumOf(text, "http_server_request_duration_seconds_count", labels)).toBe(1);
    expect(text).not.toContain("PROPFIND");
  });
});

/** Writes to standard error which modules of telemetry are loaded. */
const LOADER = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  registerHooks({
    load(url, context, next) {
      const [, module] = /(?:telemetry|observability)\\/([\\w-]+)\\.[jt]s$/.exec(url) ?? [];
      if (module !== undefined) process.stderr.write("loaded " + module + "\\n");
      return next(url, context);
    },
  });
`)}`;

it("without a reader /metrics is nobody's, and no module is loaded that measures", async () => {
  const service = await startProcess({}, () => ["node", "--import", LOADER, "deploy/node.ts"]);
  await ask(service, "presign", FILE);
  expect((await scrape(service.address)).status).toBe(404);
  await service.stop();
  const loaded = [...service.output().matchAll(/^loaded (.+)$/gm)].map(([, name]) => name);
  expect(loaded.toSorted()).toEqual(["audit", "log", "metrics-settings", "standard-output"]);
});
