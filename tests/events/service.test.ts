import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ask, TEXT, upload } from "../support/ask.ts";
import { makeFolder } from "../support/make-folder.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { startReceiver } from "./backend.ts";

it("a backend hears of an upload once it is confirmed, and then of its removal", async () => {
  const { received, env } = await startReceiver();
  const service = await startProcess(env);
  const metadata = { album: "holidays", "line-item": "7" };
  const { receipt, key } = await upload(service, { ...TEXT, metadata });
  const answers = await Promise.all([1, 2, 3].map(() => ask(service, "confirm", { receipt })));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  await until("the event", () => received.length > 0);
  expect(received[0]).toEqual({
    id: expect.stringMatching(/^evt_[\w-]{32}$/),
    type: "upload.confirmed",
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    data: {
      key,
      organization: "acme",
      subject: "developer",
      policy: "files",
      filename: "a.txt",
      size: 5,
      content_type: "text/plain",
      metadata,
      granted_at: expect.stringMatching(/^\d{4}-.*Z$/),
      etag: '"5d41402abc4b2a76b9719d911017c592"',
      final: false,
      file_url: `${service.address}/api/v1/${key}`,
    },
  });
  const path = received[0]?.data.file_url.split("/files/")[1] ?? "";
  expect((await ask(service, path, undefined, "DELETE")).status).toBe(204);
  await until("the removal", () => received.length > 1);
  expect(received.map(({ type }) => type)).toEqual(["upload.confirmed", "upload.removed"]);
  expect(received[1]?.data).toMatchObject({ key, organization: "acme", subject: "developer" });
  expect(await service.stop()).toBe(0);
});

it("a backend hears once of a file that is not what was granted", async () => {
  const { received, env } = await startReceiver();
  const policies = join(makeFolder(), "policies.json");
  writeFileSync(policies, JSON.stringify({ files: { arrival: "incoming" } }));
  const service = await startProcess({ ...env, STORAGE_POLICIES: policies });
  const asked = { filename: "a.png", content_type: "image/png" };
  const { receipt, key } = await upload(service, asked, "<!doctype html><html>");
  for (const _ of [1, 2]) {
    expect((await ask(service, "confirm", { receipt })).status).toBe(409);
  }
  await until("the event", () => received.length > 0);
  expect(received).toMatchObject([
    { type: "upload.mismatched", data: { key, differences: [{ property: "content" }] } },
  ]);
  expect(await service.stop()).toBe(0);
});

it("nothing is confirmed while events cannot be kept, and nothing is lost", async () => {
  const { received, env } = await startReceiver();
  const service = await startProcess(env);
  const { receipt } = await upload(service);
  const { DatabaseSync } = await import("node:sqlite");
  const other = new DatabaseSync(join(service.directory, "events.db"), { timeout: 300_000 });
  other.exec("BEGIN EXCLUSIVE");
  const refused = await ask(service, "confirm", { receipt });
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(await refused.json()).toMatchObject({ code: "EVENTS_UNAVAILABLE" });
  other.exec("ROLLBACK");
  other.close();
  expect((await ask(service, "confirm", { receipt })).status).toBe(200);
  await until("the event", () => received.length === 1);
  expect(await service.stop()).toBe(0);
});
