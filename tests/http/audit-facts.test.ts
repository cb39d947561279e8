import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Option from "effect/Option";
import { expect, it } from "vitest";
import { throughCdn } from "../../adapters/delivery/cdn/through-cdn.ts";
import { OPERATIONS, PUBLIC_ROUTES } from "../../adapters/http/app/routes.ts";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { CredentialsUnavailable } from "../../domain/errors.ts";
import type { Limits } from "../../domain/limits.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { embedded, PRESIGN, startService, storeOf, TOKEN_KEY, FILE } from "./service.ts";
import { CREDENTIALS, TOOLS, withCredentials } from "./with-credentials.ts";
import { makeFolder } from "../support/make-folder.ts";

const FILES = PRESIGN.replace("/presign", "");
const CALLER = {
  principal: { kind: "user", subject: "developer" },
  slug: "acme",
  organization: "org_1",
};
const ASKED = { ...CALLER, policy: "files", size: 5, contentType: "image/png" };
const { open, seal } = tokensOf([TOKEN_KEY]);

/** The same token with other content, as this service would have sealed it. */
const altered = (purpose: "receipt" | "upload" | "link", token: string, over: object) =>
  seal(
    purpose,
    JSON.stringify({ ...JSON.parse(Option.getOrThrow(open(purpose, token))), ...over }),
  );

const CDN = {
  root: "https://cdn.example.com",
  publicRoot: undefined,
  signer: { name: "google", keyId: "my-key", key: Redacted.make("nZtRohdNF9m3cKM24IcK4w==") },
} as const;

const none = () => Effect.fail(new CredentialsUnavailable({ reason: "they have expired" }));

/** A service over the embedded store, over a store that does not answer, or with no credentials. */
async function start(
  kind: "whole" | "no store" | "no credentials" | "credentials" | "CDN",
  directory: string,
  limits?: Limits,
) {
  const { layer: whole, put } = embedded(directory);
  const unsigned = Layer.effect(
    Presigner,
    Effect.map(Presigner, (presigner) => ({ ...presigner, put: none, get: none, part: none })),
  ).pipe(Layer.provideMerge(whole));
  const audit: Array<AuditEvent> = [];
  const service = await startService({
    audit,
    ...(limits && { limits }),
    ...(kind === "whole" && { usage: {} }),
    storage: Layer.orDie(
      {
        whole,
        "no store": storeOf("minio"),
        "no credentials": unsigned,
        credentials: withCredentials(whole),
        CDN: throughCdn(CDN, whole),
      }[kind],
    ),
    policy: { linkLifetime: LinkLifetime.make(Duration.hours(1)) },
    policies: {
      ...(kind === "credentials" && { tools: TOOLS }),
      staff: { callers: ["service"] },
      strict: { requireChecksum: true },
    },
  });
  const send = (method: string, path: string, body?: unknown) => {
    audit.length = 0;
    return service.send(path, body, { method });
  };
  const upload = ({ url, headers }: { url: string; headers: Record<string, string> }) =>
    put(url, headers);
  return { audit, send, upload };
}

/** Tokens of every state, sealed by the key that all services of these tests share. */
async function make({ send, upload }: Awaited<ReturnType<typeof start>>) {
  const { body: missing } = await send("POST", PRESIGN, FILE);
  const { body: there } = await send("POST", PRESIGN, FILE);
  await upload({ url: there.put_url, headers: there.put_headers });
  const begin = async () => (await send("POST", `${FILES}/multipart`, FILE)).body;
  const [done, empty, aborted] = [await begin(), await begin(), await begin()];
  const signing = { upload: done.upload, part_numbers: [1] };
  const { body: signed } = await send("POST", `${FILES}/multipart/parts`, signing);
  const etag = await upload(signed.parts[0]);
  await send("DELETE", `${FILES}/multipart`, { upload: aborted.upload });
  const { body: linked } = await send("POST", `${FILES}/links`, { receipt: there.receipt });
  const link: string = linked.link_url.replace(/^.*\/f\//, "");
  return { missing, there, done, empty, aborted, etag, link };
}

it("the audit has all that is known of a request, in every outcome of every action", async () => {
  const directory = makeFolder();
  const whole = await start("whole", directory);
  const noStore = await start("no store", directory);
  const noCredentials = await start("no credentials", directory);
  const { missing, there, done, empty, aborted, etag, link } = await make(whole);
  const seen = new Set<string>();
  const expectFacts = async (
    { audit, send }: typeof whole,
    [method, path, body]: readonly [method: string, path: string, body?: unknown],
    code: string | undefined,
    facts: object,
  ) => {
    const answer = await send(method, path, body);
    expect([path, answer.body?.code]).toEqual([path, code]);
    expect(audit).toHaveLength(1);
    const requestId = answer.headers.get("x-request-id");
    expect(audit[0]).toMatchObject({ ...facts, refusal: code, requestId, address: "127.0.0.1" });
    for (const name of ["principal", "slug", "organization", "key", "policy"] as const) {
      if (!(name in facts) && code !== undefined) expect(audit[0]?.[name]).toBeUndefined();
    }
    seen.add(`${audit[0]?.action} ${code ?? "granted"}`);
  };
  const known = (key: unknown) => ({ ...ASKED, key });
  const asked = ["POST", PRESIGN, FILE] as const;
  const inParts = ["POST", `${FILES}/multipart`, FILE] as const;
  const withReceipt = (name: string, receipt: string) =>
    ["POST", `${FILES}/${name}`, { receipt }] as const;
  const completing = (upload: string, parts: unknown = [{ part_number: 1, etag }]) =>
    ["POST", `${FILES}/multipart/complete`, { upload, parts }] as const;
  const signing = (upload: string, numbers: ReadonlyArray<number> = [1]) =>
    ["POST", `${FILES}/multipart/parts`, { upload, part_numbers: numbers }] as const;
  const listing = (upload: string) => ["GET", `${FILES}/multipart/parts?upload=${upload}`] as const;
  const aborting = (upload: string) => ["DELETE", `${FILES}/multipart`, { upload }] as const;

  for (const request of [asked, inParts]) {
    await expectFacts(whole, request, undefined, ASKED);
    expect(whole.audit[0]?.key).toMatch(/^orgs\/org_1\//);
    const [method, path] = request;
    for (const [over, code] of [
      [{ size: 2 ** 40 }, "FILE_TOO_LARGE"],
      [{ content_type: "text/html" }, "UNSUPPORTED_MEDIA_TYPE"],
      [{ policy: "staff" }, "FORBIDDEN"],
      [{ policy: "none" }, "UNKNOWN_POLICY"],
    ] as const) {
      const { content_type: contentType, ...others } = { ...FILE, policy: "files", ...over };
      const facts = { ...CALLER, size: others.size, contentType, policy: others.policy };
      await expectFacts(whole, [method, path, { ...FILE, ...over }], code, facts);
    }
  }
  await expectFacts(noCredentials, asked, "CREDENTIALS_UNAVAILABLE", ASKED);
  await expectFacts(noStore, inParts, "STORE_UNAVAILABLE", ASKED);

  const { receipt } = there;
  const expired = altered("receipt", receipt, { l: Date.now() - 1000 });
  const foreign = altered("receipt", receipt, { u: "somebody" });
  const larger = altered("receipt", receipt, { s: 6 });
  const together = ["POST", `${FILES}/confirm/batch`, { receipts: [receipt] }] as const;
  await expectFacts(whole, together, undefined, known(there.key));
  for (const name of ["confirm", "links"]) {
    await expectFacts(whole, withReceipt(name, receipt), undefined, known(there.key));
    await expectFacts(whole, withReceipt(name, expired), "INVALID_RECEIPT", known(there.key));
    await expectFacts(whole, withReceipt(name, foreign), "NOT_FOUND", known(there.key));
  }
  const { key } = missing;
  const isMissing = withReceipt("confirm", missing.receipt);
  await expectFacts(whole, isMissing, "UPLOAD_INCOMPLETE", known(key));
  await expectFacts(noStore, isMissing, "STORE_UNAVAILABLE", known(key));
  const differs = withReceipt("confirm", larger);
  await expectFacts(whole, differs, "UPLOAD_MISMATCH", { ...known(there.key), size: 6 });
  const unlinked = altered("receipt", receipt, { p: "strict" });
  const facts = { ...known(there.key), policy: "strict" };
  await expectFacts(whole, withReceipt("links", unlinked), "FORBIDDEN", facts);
  const tooLong = ["POST", `${FILES}/links`, { receipt, expires_in: 7200 }] as const;
  await expectFacts(whole, tooLong, "INVALID_REQUEST", known(there.key));

  const notTheirs = altered("upload", empty.upload, { u: "somebody" });
  for (const request of [completing, signing, listing, aborting]) {
    await expectFacts(whole, request(notTheirs), "NOT_FOUND", known(empty.key));
    const over = altered("upload", empty.upload, { x: Date.now() - 1000 });
    await expectFacts(whole, request(over), "INVALID_UPLOAD", known(empty.key));
    if (request === signing) continue;
    await expectFacts(noStore, request(empty.upload), "STORE_UNAVAILABLE", known(empty.key));
  }
  await expectFacts(whole, completing(empty.upload, "none"), "INVALID_REQUEST", known(empty.key));
  await expectFacts(whole, completing(empty.upload), "UPLOAD_INCOMPLETE", known(empty.key));
  await expectFacts(whole, completing(aborted.upload), "INVALID_UPLOAD", known(aborted.key));
  const beyond = completing(empty.upload, [{ part_number: 2, etag }]);
  await expectFacts(whole, beyond, "INVALID_REQUEST", known(empty.key));
  const other = completing(done.upload, [{ part_number: 1, etag: '"other"' }]);
  await expectFacts(whole, other, "UPLOAD_MISMATCH", known(done.key));
  await expectFacts(whole, listing(aborted.upload), "INVALID_UPLOAD", known(aborted.key));
  await expectFacts(whole, listing(done.upload), undefined, known(done.key));
  await expectFacts(whole, signing(done.upload, [2]), "INVALID_REQUEST", known(done.key));
  await expectFacts(whole, signing(done.upload), undefined, known(done.key));
  const unsigned = signing(done.upload);
  await expectFacts(noCredentials, unsigned, "CREDENTIALS_UNAVAILABLE", known(done.key));
  await expectFacts(whole, completing(done.upload), undefined, known(done.key));
  await expectFacts(whole, aborting(empty.upload), undefined, known(empty.key));

  const file = { ...CALLER, key: there.key, contentType: "image/png" };
  const opening = ["GET", `${FILES}/${there.key.replace(/^.*\/files\//, "")}`] as const;
  await expectFacts(whole, opening, undefined, file);
  await expectFacts(noCredentials, opening, "CREDENTIALS_UNAVAILABLE", file);
  const looking = ["GET", `${opening[1]}/state`] as const;
  await expectFacts(whole, looking, undefined, { ...CALLER, key: there.key });
  await expectFacts(noStore, looking, "STORE_UNAVAILABLE", { ...CALLER, key: there.key });
  const following = ["GET", `/f/${link}`] as const;
  const { contentType, policy } = ASKED;
  const linked = { key: there.key, contentType, policy };
  await expectFacts(whole, following, undefined, linked);
  await expectFacts(noCredentials, following, "CREDENTIALS_UNAVAILABLE", linked);
  const past = altered("link", link, { x: Date.now() - 1000 });
  await expectFacts(whole, ["GET", `/f/${past}`], "NOT_FOUND", linked);
  await expectFacts(whole, ["GET", `${FILES}/policies`], undefined, CALLER);
  await expectFacts(whole, ["GET", FILES], undefined, CALLER);
  const asking = ["GET", FILES.replace("/files", "/usage")] as const;
  await expectFacts(whole, asking, undefined, CALLER);
  await expectFacts(noStore, asking, "INVALID_REQUEST", CALLER);
  const cookies = ["POST", `${FILES}/cookies`, {}] as const;
  await expectFacts(await start("CDN", directory), cookies, undefined, CALLER);
  await expectFacts(whole, cookies, "INVALID_REQUEST", CALLER);
  const tools = await start("credentials", directory);
  const credentials = ["POST", CREDENTIALS, { policy: "tools", max_bytes: 5 }] as const;
  const toTools = { ...CALLER, policy: "tools" };
  await expectFacts(tools, credentials, undefined, { ...toTools, size: 5 });
  await expectFacts(tools, ["POST", CREDENTIALS, { policy: "files" }], "INVALID_REQUEST", {
    ...CALLER,
    policy: "files",
    size: 2 ** 30,
  });
  const { grant } = (await tools.send(...credentials)).body;
  const completingAll = ["POST", `${CREDENTIALS}/complete`, { grant }] as const;
  await expectFacts(tools, completingAll, undefined, toTools);
  await expectFacts(noStore, completingAll, "INVALID_REQUEST", toTools);
  const removing = ["DELETE", opening[1]] as const;
  await expectFacts(whole, removing, undefined, { ...CALLER, key: there.key });
  await expectFacts(whole, opening, "NOT_FOUND", file);

  const { principal } = CALLER;
  const others = PRESIGN.replace("acme", "globex");
  await expectFacts(whole, ["POST", others, FILE], "NOT_FOUND", { principal, slug: "globex" });
  await expectFacts(whole, ["POST", PRESIGN, "{"], "INVALID_REQUEST", CALLER);
  await expectFacts(whole, withReceipt("confirm", "x"), "INVALID_RECEIPT", CALLER);
  await expectFacts(whole, ["GET", "/f/v1.test.e30.AAAA"], "NOT_FOUND", {});
  const subject = { count: 2, window: Duration.hours(1) };
  const limits = { requests: { subject }, daily: { bytes: 4 } };
  const limited = await start("whole", directory, limits);
  await expectFacts(limited, asked, "QUOTA_EXCEEDED", ASKED);
  await expectFacts(limited, opening, "NOT_FOUND", file);
  await expectFacts(limited, opening, "RATE_LIMITED", { principal, slug: "acme" });

  const actions = new Set(
    [...Object.values(OPERATIONS), ...PUBLIC_ROUTES].flatMap(({ action }) => action ?? []),
  );
  expect([...actions].filter((action) => !seen.has(`${action} granted`))).toEqual([]);
});
