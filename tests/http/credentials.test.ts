import { expect, it } from "vitest";
import type { UploadEvent } from "../../domain/upload-event.ts";
import { startWithCredentials } from "./with-credentials.ts";

it("credentials for one prefix are granted, and what came with them becomes files", async () => {
  const events: Array<UploadEvent> = [];
  const { grant, asked, put, complete, completeAll, listed } = await startWithCredentials({
    events,
  });
  const granted = await grant({ expires_in: 900 });
  expect(granted).toMatchObject({
    kind: "s3",
    endpoint: "https://store.example.com",
    bucket: "files",
    region: "eu-central-1",
    path_style: true,
    access_key_id: "an-access-key",
    secret_access_key: "a-secret-access-key",
    session_token: "a-session-token",
  });
  expect(granted.prefix).toMatch(/^incoming\/credentials\/org_1\/[0-9a-f-]{36}\/$/);
  expect(asked).toMatchObject([{ prefix: granted.prefix }]);
  await put(`${granted.prefix}a.txt`);
  await put(`${granted.prefix}b/c.png`, "12345", "image/png");
  await put(`${granted.prefix}b/d.exe`, "12345", "application/octet-stream");
  const { status, body } = await complete(granted.grant);
  expect(status).toBe(200);
  expect(body.files).toMatchObject([
    { path: "a.txt", filename: "a.txt", size: 5, content_type: "text/plain", final: true },
    { path: "b/c.png", filename: "c.png", size: 5, content_type: "image/png" },
  ]);
  expect(body.refused).toMatchObject([{ path: "b/d.exe", code: "UNSUPPORTED_MEDIA_TYPE" }]);
  expect((await complete(granted.grant)).body.files.map(({ key }: { key: string }) => key)).toEqual(
    body.files.map(({ key }: { key: string }) => key),
  );
  expect(await listed(granted.prefix)).toHaveLength(3);
  expect(await completeAll(body.next)).toEqual({ files: [], refused: [] });
  expect(await listed(granted.prefix)).toEqual([]);
  expect(events.map(({ type }) => type)).toEqual(["upload.confirmed", "upload.confirmed"]);
});
