import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { toJson } from "../../application/tokens.ts";
import { waitingReceipt } from "../support/receipt.ts";
import { startS3 } from "../support/s3-server.ts";
import { startService, storeAt, TOKEN_KEY, FILE } from "./service.ts";

const ORIGIN = "https://uploads.example.com";
const CONFIRM = "/api/v1/orgs/acme/files/confirm";

it.each([
  [{ receipt: "v1.test.e30.AAAA" }, 400, "INVALID_RECEIPT"],
  [{ receipt: "a".repeat(10_000) }, 400, "INVALID_RECEIPT"],
  [{}, 400, "INVALID_REQUEST"],
  [{ receipt: "a", key: "b" }, 400, "INVALID_REQUEST"],
])("a confirm with the body %.40j is answered with %i %s", async (body, status, code) => {
  const answer = await (await startService()).send(CONFIRM, body);
  expect([answer.status, answer.body.code]).toEqual([status, code]);
});

it("a confirm while the store is down is answered with 503 and Retry-After, not as a lost upload", async () => {
  const { send } = await startService();
  const { receipt } = (await send("/api/v1/orgs/acme/files/presign", FILE)).body;
  const { status, headers, body } = await send(CONFIRM, { receipt });
  expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
  expect(headers.get("retry-after")).toMatch(/^\d+$/);
});

it("every address of a file in a bucket with versions names the version that was confirmed", async () => {
  const { env } = await startS3(({ method, query }, usual) => {
    if (method !== "HEAD" || !query.has("X-Amz-Signature")) return undefined;
    return usual().then(({ status, headers }) => {
      headers.set("x-amz-version-id", "a+b/c");
      return new Response(null, { status, headers });
    });
  });
  const policy = { linkLifetime: LinkLifetime.make(Duration.days(1)) };
  const { send, request } = await startService({ storage: storeAt(env), policy });
  const ask = async (path: string, body: object) =>
    (await send(`/api/v1/orgs/acme/files/${path}`, body)).body;
  const { put_url: url, put_headers: headers, receipt } = await ask("presign", FILE);
  expect((await fetch(url, { method: "PUT", headers, body: "12345" })).status).toBe(200);
  const { version, get_url, file_url } = await ask("confirm", { receipt });
  const { link_url } = await ask("links", { receipt });
  expect([version, new URL(file_url).search]).toEqual(["a+b/c", "?version=a%2Bb%2Fc"]);
  for (const shown of [
    get_url,
    (await send(file_url.replace(ORIGIN, ""))).headers.get("location"),
    (await request(link_url.replace(ORIGIN, ""))).headers.get("location"),
  ]) {
    expect(new URL(shown).searchParams.get("versionId")).toBe("a+b/c");
  }
});

const inMinutes = (later: number) => DateTime.makeUnsafe(Date.now() + later * 60_000);

it.each([
  [4, "STORE_UNAVAILABLE"],
  [6, "INVALID_RECEIPT"],
])("a receipt from a clock that is %i minutes ahead is answered with %s", async (minutes, code) => {
  const { send } = await startService();
  const receipt = tokensOf([TOKEN_KEY]).seal(
    "receipt",
    toJson({
      ...waitingReceipt("png", 5),
      subject: "developer",
      organization: OrganizationId.make("org_1"),
      issuedAt: inMinutes(minutes),
      confirmUntil: inMinutes(60),
    }),
  );
  expect((await send(CONFIRM, { receipt })).body).toMatchObject({ code });
});
