import * as Duration from "effect/Duration";
import * as Option from "effect/Option";
import { expect, it } from "vitest";
import { LinkLifetime } from "../../domain/link.ts";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { embedded, FILE, PRESIGN, startService, TOKEN_KEY } from "./service.ts";

const FILES = PRESIGN.replace("/presign", "");
const NAMES = { filename: "Ün 😀.png", path: "holidays/2026/other.png" };
const { open, seal } = tokensOf([TOKEN_KEY]);

async function start(audit: Array<AuditEvent> = []) {
  const { layer, put } = embedded();
  const linkLifetime = LinkLifetime.make(Duration.hours(1));
  const { send } = await startService({ storage: layer, policy: { linkLifetime }, audit });
  const ask = async (action: string, body: object) => {
    const answer = await send(`${FILES}/${action}`, body);
    return { status: answer.status, ...answer.body };
  };
  return { ask, put };
}

it("a file's name and path come back however it is uploaded, and are no part of its key", async () => {
  const { ask, put } = await start();
  const one = await ask("presign", { ...FILE, ...NAMES });
  const [two] = (await ask("batch", { files: [{ ...FILE, ...NAMES }] })).uploads;
  for (const granted of [one, two]) {
    await put(granted.put_url, granted.put_headers);
    expect(await ask("confirm", { receipt: granted.receipt })).toMatchObject(NAMES);
    expect(await ask("links", { receipt: granted.receipt })).toMatchObject(NAMES);
    expect(granted.key).toMatch(/^orgs\/org_1\/files\/\d{4}\/\d\d\/[0-9a-f-]{36}\.png$/);
    expect(granted.put_url).not.toMatch(/holidays|other/);
  }
  const { upload } = await ask("multipart", { ...FILE, ...NAMES });
  const { parts } = await ask("multipart/parts", { upload, part_numbers: [1] });
  const etag = await put(parts[0].url, parts[0].headers);
  const completion = { upload, parts: [{ part_number: 1, etag }] };
  const completed = await ask("multipart/complete", completion);
  expect(completed).toMatchObject(NAMES);
  expect(await ask("links", { receipt: completed.receipt })).toMatchObject(NAMES);
});

it("without a path, no answer has one", async () => {
  const { ask, put } = await start();
  const { receipt, put_url, put_headers } = await ask("presign", FILE);
  await put(put_url, put_headers);
  for (const action of ["confirm", "links"]) {
    const answer = await ask(action, { receipt });
    expect(answer.filename).toBe("a.png");
    expect(answer).not.toHaveProperty("path");
  }
});

it.each([
  "../a",
  "/etc/passwd",
  "C:/a",
  "a\\b",
  "a//b",
  "a/\u202eb",
  "a/".repeat(999),
  "",
  5,
  ["a"],
])("a file with the path %j is refused, which names the member", async (path) => {
  const { ask } = await start();
  for (const action of ["presign", "multipart"]) {
    const refused = await ask(action, { ...FILE, path });
    expect(refused).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
    expect(refused.errors[0].pointer).toBe("/path");
  }
  const { errors } = await ask("batch", { files: [FILE, { ...FILE, path }] });
  expect(errors[0].pointer).toBe("/files/1/path");
});

it("a path is of one file, and not of a batch", async () => {
  const { ask } = await start();
  const refused = await ask("batch", { files: [FILE], path: "a/b.png" });
  expect(refused.errors[0].pointer).toBe("/path");
});

it("a receipt that was sealed before there were paths still works", async () => {
  const { ask, put } = await start();
  const granted = await ask("presign", { ...FILE, path: "a/b.png" });
  const { r, ...former } = JSON.parse(Option.getOrThrow(open("receipt", granted.receipt)));
  expect(r).toBe("a/b.png");
  await put(granted.put_url, granted.put_headers);
  const receipt = seal("receipt", JSON.stringify(former));
  const confirmed = await ask("confirm", { receipt });
  expect([confirmed.status, confirmed.filename, confirmed.path]).toEqual([200, "a.png", undefined]);
});

it("the audit has the path where it has metadata", async () => {
  const audit: Array<AuditEvent> = [];
  const { ask, put } = await start(audit);
  const { receipt, put_url, put_headers } = await ask("presign", { ...FILE, ...NAMES });
  await put(put_url, put_headers);
  await ask("confirm", { receipt });
  expect(audit.map(({ action, path }) => [action, path])).toEqual([
    ["presign", NAMES.path],
    ["confirm", NAMES.path],
  ]);
});
