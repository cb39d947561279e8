import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { ask, upload } from "../support/ask.ts";
import { makeFolder } from "../support/make-folder.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { startReceiver } from "./backend.ts";

let policies = "";
beforeAll(() => {
  policies = join(makeFolder(), "policies.json");
  const files = { arrival: "incoming", announce: true };
  writeFileSync(policies, JSON.stringify({ files }));
});

const PNG: Buffer<ArrayBuffer> = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
  "base64",
);
const asked = { filename: "a.png", content_type: "image/png" };

const start = async () => {
  const { received, env } = await startReceiver();
  const service = await startProcess({ ...env, STORAGE_POLICIES: policies });
  return { received, service };
};

it("a backend hears of an upload in the embedded store whose client never confirms", async () => {
  const { received, service } = await start();
  const metadata = { album: "holidays" };
  const { key, receipt, put_headers } = await upload(service, { ...asked, metadata }, PNG);
  expect(put_headers["x-amz-meta-valetkey-grant"]).not.toContain("holidays");
  await until("the event", () => received.length > 0);
  expect(received).toMatchObject([
    { type: "upload.confirmed", data: { key, final: true, metadata, size: PNG.length } },
  ]);
  expect(received[0]?.data.file_url).toContain(`${service.address}/api/v1/orgs/acme/files/`);
  // The client that confirms after all makes no second event, as a removal shows.
  expect((await ask(service, "confirm", { receipt })).status).toBe(200);
  const path = key.split("/files/")[1];
  expect((await ask(service, path, undefined, "DELETE")).status).toBe(204);
  await until("the removal", () => received.some(({ type }) => type === "upload.removed"));
  expect(received.map(({ type }) => type)).toEqual(["upload.confirmed", "upload.removed"]);
  expect(await service.stop()).toBe(0);
});

it("a backend hears of an upload that is not what was granted", async () => {
  const { received, service } = await start();
  const { key } = await upload(service, asked, Buffer.from("<!doctype html><html>"));
  await until("the event", () => received.length > 0);
  expect(received).toMatchObject([
    { type: "upload.mismatched", data: { key, differences: [{ property: "content" }] } },
  ]);
  expect(await service.stop()).toBe(0);
});

it("a grant that the store cannot carry is refused, alone and in a batch", async () => {
  const { service } = await start();
  const filename = `${"n".repeat(250)}.png`;
  const file = { ...asked, filename, size: PNG.length, metadata: { note: "é".repeat(500) } };
  const alone = await refusal(service, "presign", file);
  expect(alone).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
  expect(alone.detail).toMatch(/which has \d{4} bytes; the store takes 2000\./);
  const batch = await refusal(service, "batch", {
    files: [{ ...file, metadata: {} }, file],
  });
  expect(batch).toMatchObject({ status: 400, errors: [{ pointer: "/files/1/metadata" }] });
  expect(await service.stop()).toBe(0);
});

const refusal = async (service: ServiceProcess, path: string, body: object) =>
  (await ask(service, path, body)).json();
