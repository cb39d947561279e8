import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { send } from "../../adapters/contract/sending/send.ts";
import { type ServiceProcess, startProcess, untilReady } from "../support/service-process.ts";
import { until } from "../support/until.ts";

const MiB = 1024 * 1024;
const SIZE = 12 * MiB;

let service: ServiceProcess;
afterEach(() => service.stop());

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  service = await startProcess({ STORAGE_MAX_FILE_SIZE: "50 MiB", ...env });
  // Until then it writes into its folder by itself, which would be seen there.
  await untilReady(service);
}

/** Calls a service on a connection of its own. */
async function call(method: string, path: string, body?: object, { address } = service) {
  const answer = await send(method, `${address}/api/v1/orgs/acme/files/${path}`, {
    headers: {
      Authorization: `Bearer ${service.token}`,
      "Content-Type": "application/json",
      Connection: "close",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: JSON.parse(answer.body.toString() || "{}") };
}

/** Starts an upload of 12 MiB, and signs its parts. */
async function begin(): Promise<{
  readonly upload: string;
  readonly parts: ReadonlyArray<{ readonly url: string; readonly headers: Record<string, string> }>;
}> {
  const file = { filename: "a.png", content_type: "image/png", size: SIZE };
  const { upload } = (await call("POST", "multipart", file)).body;
  const asked = { upload, part_numbers: [1, 2, 3] };
  return { upload, parts: (await call("POST", "multipart/parts", asked)).body.parts };
}

const sizes = [5 * MiB, 5 * MiB, 2 * MiB];

/** Starts an upload, and sends all its parts. */
async function sendAll() {
  const { upload, parts } = await begin();
  const sent = [];
  for (const [index, { url, headers }] of parts.entries()) {
    const body = Buffer.alloc(sizes[index] ?? 0, index);
    const { headers: answered } = await send("PUT", url, { headers, body });
    sent.push({ part_number: index + 1, etag: answered.etag ?? "" });
  }
  return { upload, parts: sent };
}

const uploadIds = () => readdirSync(join(service.directory, "uploads"));

/** The files that were made in a folder while `work` ran. */
async function madeIn<A>(folder: string, work: () => Promise<A>) {
  const made = new Set<string>();
  const path = join(service.directory, folder);
  const watching = watch(path, (_, name) => name !== null && made.add(name));
  const result = await work();
  // Events come in their order, this one last.
  writeFileSync(join(path, "last"), "");
  await until("the last event", () => made.has("last"));
  watching.close();
  made.delete("last");
  return { result, made };
}

it.each([1, 2])(
  "40 completions of one upload at once make one copy and get one answer, with services: %i",
  async (count) => {
    await start();
    const services = [service];
    const { directory: STORAGE_LOCAL_DIR, token: DEV_TOKEN } = service;
    if (count > 1) services.push(await startProcess({ STORAGE_LOCAL_DIR, DEV_TOKEN }));
    await Promise.all(services.map(untilReady));
    const completing = await sendAll();
    const [uploadId = ""] = uploadIds();
    const complete = (_: unknown, turn: number) =>
      call("POST", "multipart/complete", completing, services[turn % count]);
    const { result: answers, made } = await madeIn("temporary", () =>
      Promise.all(Array.from({ length: 40 }, complete)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.etag)).size).toBe(1);
    made.delete(uploadId);
    expect(made.size).toBe(1);
    expect([...uploadIds(), ...readdirSync(join(service.directory, "temporary"))]).toEqual([
      "last",
    ]);
    for (const other of services.slice(1)) await other.stop();
  },
);

it("an upload is completed although a process died while it completed it", async () => {
  await start();
  const completing = await sendAll();
  const [uploadId = ""] = uploadIds();
  const claim = join(service.directory, "temporary", uploadId);
  writeFileSync(claim, "");
  const past = Date.now() / 1000 - 60;
  utimesSync(claim, past, past);
  expect((await call("POST", "multipart/complete", completing)).status).toBe(200);
  expect(existsSync(claim)).toBe(false);
});

it("parts are listed without opening them", async () => {
  await start();
  const { upload, parts } = await sendAll();
  const folder = join(service.directory, "uploads", uploadIds()[0] ?? "");
  for (const name of readdirSync(folder))
    if (name !== "upload.json") truncateSync(join(folder, name));
  const listed = await call("GET", `multipart/parts?upload=${encodeURIComponent(upload)}`);
  expect(listed.body).toEqual({
    parts: parts.map((part, index) => ({ ...part, size: sizes[index] })),
  });
  expect((await call("POST", "multipart/complete", { upload, parts })).status).toBe(503);
});

it("of several bytes that are sent for one part, also at once, the last are kept alone", async () => {
  await start();
  const { upload, parts } = await begin();
  const { url = "", headers = {} } = parts[2] ?? {};
  const folder = join(service.directory, "uploads", uploadIds()[0] ?? "");
  const put = async (fill: number) =>
    (await send("PUT", url, { headers, body: Buffer.alloc(2 * MiB, fill) })).headers.etag;
  const listed = async () =>
    (await call("GET", `multipart/parts?upload=${encodeURIComponent(upload)}`)).body.parts;
  const etags = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(put));
  expect(readdirSync(folder)).toHaveLength(2);
  expect(etags).toContain((await listed())[0].etag);
  for (const fill of [9, 10, 9]) {
    const etag = await put(fill);
    expect(await listed()).toEqual([{ part_number: 3, size: 2 * MiB, etag }]);
    expect(readdirSync(folder)).toHaveLength(2);
  }
});

it("an upload whose object is there already is completed without another copy", async () => {
  await start();
  const completing = await sendAll();
  const [uploadId = ""] = uploadIds();
  const folder = join(service.directory, "uploads", uploadId);
  const files = readdirSync(folder).map(
    (name) => [name, readFileSync(join(folder, name))] as const,
  );
  const complete = () => call("POST", "multipart/complete", completing);
  const first = await complete();
  // As a crash leaves it: the object is in place, and the parts are not removed.
  mkdirSync(folder);
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
  const { result: second, made } = await madeIn("temporary", complete);
  expect([second.status, second.body.etag]).toEqual([200, first.body.etag]);
  expect([...made]).toEqual([uploadId]);
  expect(uploadIds()).toEqual([]);
});
